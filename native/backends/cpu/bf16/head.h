// head in bf16 precision on families that multiply bf16: products of bf16/product.h and
// bf16/outer.h over one chunk of the vocabulary at a time.
#pragma once
#include "backends/cpu/bf16/units.h"
#include "core/exec.h"
#include "ops/head/op.h"
#if defined(__AVX512BF16__)
#include "backends/cpu/bf16/outer.h"
#include "ops/head/rows.h"
#endif

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

#if defined(__AVX512BF16__)

static_assert(kHeadChunk % kColumns == 0 && kHeadChunk % kStep == 0, "chunks are whole groups and steps");

// Logits of columns [first, first + columns): row t at chunk[t kHeadChunk].
SPAR_INLINE void chunk_logits(const Exec& exec, const float* x, const PackedWeight& w, int64_t rows, int64_t first,
                              int64_t columns, float* chunk) {
  const uint16_t* panels = static_cast<const uint16_t*>(w.forward) + first / kPanel * strip(w.k);
  product(exec.backend->threads, {x, w.k, panels, strip(w.k), chunk, kHeadChunk, nullptr, 0, rows, columns, w.k});
}

SPAR_INLINE void head_forward(const Exec& exec, const HeadForward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n;
  RowState* state = row_states(a.chunk, rows);
  start_rows(state, rows);
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const int64_t columns = at_most(vocab - first, kHeadChunk);
    chunk_logits(exec, a.x, a.weight, rows, first, columns, a.chunk);
    each_row(exec.backend->threads, rows,
             [&](int64_t t) { add_logits(&state[t], a.chunk + t * kHeadChunk, columns, a.target[t] - first); });
  }
  finish_rows(a, state);
}

SPAR_INLINE void head_backward(const Exec& exec, const HeadBackward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n, width = a.weight.k;
  ThreadPool& threads = exec.backend->threads;
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const int64_t columns = at_most(vocab - first, kHeadChunk);
    chunk_logits(exec, a.x, a.weight, rows, first, columns, a.chunk);
    each_row(threads, rows, [&](int64_t t) {
      logit_gradient(a.chunk + t * kHeadChunk, columns, a.target[t] - first, a.lse[t], a.coef[t], false);
    });
    const uint16_t* panels = static_cast<const uint16_t*>(a.weight.backward) + first * kPanel;
    product(threads, {a.chunk, kHeadChunk, panels, strip(vocab), a.dx, width, first ? a.dx : nullptr, width, rows,
                      width, columns});
    outer_product(threads, {a.chunk, kHeadChunk, a.x, width, a.dw + first * width, width, rows, columns, width});
  }
}

#else

void head_forward(const Exec&, const HeadForward&);
void head_backward(const Exec&, const HeadBackward&);

#endif

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
