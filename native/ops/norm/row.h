// RMSNorm of one row, in the order of operations that norm and rope (qk_norm) share: sums run
// over four vectors of lanes in turn, joined at the end.
#pragma once
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {

// sum_c of term(c, n): a vector of the n <= kLanes terms from c on, zero behind.
template <class Term>
SPAR_INLINE float row_sum(int64_t count, Term term) {
  vf s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  int64_t c = 0;
  for (; c + 4 * kLanes <= count; c += 4 * kLanes) {
    s0 += term(c, kLanes);
    s1 += term(c + kLanes, kLanes);
    s2 += term(c + 2 * kLanes, kLanes);
    s3 += term(c + 3 * kLanes, kLanes);
  }
  for (; c < count; c += kLanes) s0 += term(c, static_cast<int>(count - c < kLanes ? count - c : kLanes));
  return sum((s0 + s1) + (s2 + s3));
}

SPAR_INLINE float row_rstd(const float* x, int64_t count, float eps) {
  const float squares = row_sum(count, [=](int64_t c, int n) {
    const vf v = load_part(x + c, n);
    return v * v;
  });
  return 1.0f / __builtin_sqrtf(squares / static_cast<float>(count) + eps);
}

// y = x rstd w
SPAR_INLINE void row_scale(const float* x, const float* w, float rstd, int64_t count, float* y) {
  each_vector(count,
              [=](int64_t c, int n) { store_part(y + c, load_part(x + c, n) * splat(rstd) * load_part(w + c, n), n); });
}

// mean_c of dy w x: the part of the gradient along x.
SPAR_INLINE float row_along(const float* dy, const float* x, const float* w, int64_t count) {
  const float along = row_sum(
      count, [=](int64_t c, int n) { return load_part(dy + c, n) * load_part(w + c, n) * load_part(x + c, n); });
  return along / static_cast<float>(count);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
