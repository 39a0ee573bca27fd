// linear in bf16 precision on families that multiply bf16. The others declare the same functions
// and never call them: if constexpr (kBf16Units).
#pragma once
#include "backends/cpu/bf16/units.h"
#include "core/exec.h"
#include "ops/linear/op.h"
#if defined(__AVX512BF16__)
#include "backends/cpu/bf16/gated.h"
#include "backends/cpu/bf16/outer.h"
#include "backends/cpu/bf16/weights.h"
#endif

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

#if defined(__AVX512BF16__)

static_assert(kPackRows % kPanel == 0 && kPackRows % kStep == 0, "blocks of rows are whole panels and steps");

SPAR_INLINE int64_t packed_bytes(int64_t columns, int64_t depth) { return packed_values(columns, depth) * 2; }

SPAR_INLINE Product forward_of(const LinearForward& a) {
  const int64_t n = a.weight.n, k = a.weight.k;
  const uint16_t* panels = static_cast<const uint16_t*>(a.weight.forward);
  const float* base = a.residual ? a.residual : a.bias;
  return {{a.x, nullptr, k}, panels, strip(k), a.y, n, base, a.residual ? n : 0, *a.rows, n, k};
}
SPAR_INLINE void forward(const Exec& exec, const LinearForward& a) { product(exec.backend->threads, forward_of(a)); }

// False where the family has no such product; nothing was done then.
SPAR_INLINE bool gated(const Exec& exec, const LinearGated& a) {
  if constexpr (kPairsPanels) {
    if (!pairs_panels(a.weight.n)) return false;
    const Product sums = forward_of({a.rows, a.x, a.weight, nullptr, a.gate_up});
    product(exec.backend->threads, GatedProduct{sums, a.h, a.keep != 0});
    return true;
  }
  return false;
}

SPAR_INLINE void backward_input(const Exec& exec, const LinearBackwardInput& a) {
  const int64_t n = a.weight.n, k = a.weight.k;
  const uint16_t* panels = static_cast<const uint16_t*>(a.weight.backward);
  product(exec.backend->threads,
          Product{{a.dy, nullptr, n}, panels, strip(n), a.dx, k, a.accumulate ? a.dx : nullptr, k, *a.rows, k, n});
}

SPAR_INLINE void backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  outer_product(exec.backend->threads, {{a.dy, nullptr, a.n}, a.x, a.k, a.dw, a.k, *a.rows, a.n, a.k});
}

#else

int64_t packed_bytes(int64_t columns, int64_t depth);
void pack_rows(const PackedWeight&, int64_t n0, int64_t n1);
void forward(const Exec&, const LinearForward&);
bool gated(const Exec&, const LinearGated&);
void backward_input(const Exec&, const LinearBackwardInput&);
void backward_weight(const Exec&, const LinearBackwardWeight&);

#endif

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
