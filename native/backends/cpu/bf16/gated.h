// The product with gates and ups, and SwiGLU on its sums: where a call of multiply() makes two
// panels, one holds gates and the other the ups of the same columns, and h is computed beside the
// next sums. The order of every sum is that of the product alone.
#pragma once
#include "backends/cpu/bf16/product.h"
#include "ops/act/sigmoid.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

// c: [rows, 2 F] gates and ups, written where `keep` or where the depth is more than one chain.
struct GatedProduct : Product {
  float* h;  // [rows, F]
  bool keep;
};

// Sums -> rows of gates, ups and h.
struct GatedDrain {
  float* from = nullptr;
  float *gate = nullptr, *up = nullptr;
  int64_t stride = 0;
  float* h = nullptr;  // NULL: more chains follow
  int64_t h_stride = 0;
  bool add = false, put = false, stream = false;  // to the old gates and ups; them; past the caches
  int64_t soon = 0;                               // rows to the one that the next call writes in place of a row, or 0
  int64_t next = 0, rows = 0;

  SPAR_INLINE_MEMBER void row() {
    if (next >= rows) return;
    const float* sums = sums_row(from, next);
    vf g = load(sums), u = load(sums + 256);
    if (!stream) {
      if (put) _mm_prefetch(gate + soon * stride, _MM_HINT_T0), _mm_prefetch(up + soon * stride, _MM_HINT_T0);
      if (h) _mm_prefetch(h + soon * h_stride, _MM_HINT_T0);
    }
    if (add) g = load(gate) + g, u = load(up) + u;
    if (put && stream) store_past_caches(gate, g), store_past_caches(up, u);
    if (put && !stream) store(gate, g), store(up, u);
    if (h) {
      const vf s = g * sigmoid(g) * u;
      stream ? store_past_caches(h, s) : store(h, s);
      h += h_stride;
    }
    gate += stride;
    up += stride;
    next++;
  }
};

SPAR_INLINE GatedDrain drain_of(const GatedProduct& g, int64_t first, int64_t row, int64_t rows, int64_t group,
                                float* sums, bool stream) {
  const int64_t steps = steps_of(g.depth), column = group * kPanel;
  const bool last = first + chain_steps(steps) >= steps;
  GatedDrain d;
  d.from = sums;
  d.gate = g.c + row * g.c_stride + column;
  d.up = d.gate + g.columns / 2;
  d.stride = g.c_stride;
  d.h = last ? g.h + row * g.columns / 2 + column : nullptr;
  d.h_stride = g.columns / 2;
  d.add = first > 0;
  d.put = g.keep || !last;
  d.stream = stream && reinterpret_cast<uintptr_t>(g.h) % 64 == 0;
  d.rows = rows;
  d.soon = g.rows > kRows ? kRows : 0;
  return d;
}

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
