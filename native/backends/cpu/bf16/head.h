// head in bf16 precision on families that multiply bf16: products of bf16/product.h and
// bf16/outer.h over one chunk of the vocabulary at a time. The backward pass makes gradients of a
// unit's logits while they are in the second cache, where every thread has rows enough for that; the
// forward pass, which wants whole chunks of a row, would have too few rows for each reading of W.
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

// Logits of columns [first, first + columns): row t at z[t stride].
SPAR_INLINE Product logits_product(const float* x, const PackedWeight& w, int64_t rows, int64_t first, int64_t columns,
                                   float* z, int64_t stride) {
  const uint16_t* panels = static_cast<const uint16_t*>(w.forward) + first / kPanel * strip(w.k);
  return {{x, nullptr, w.k}, panels, strip(w.k), z, stride, nullptr, 0, rows, columns, w.k};
}

// Columns of logits that a unit has in its scratch, beside rows of x.
constexpr int64_t kBackwardColumns = kHeadChunk / 2;
static_assert(kBackwardColumns % kColumns == 0, "whole groups");

// Rows of a unit that computes its logits alone: equal for all, whole strips. 0: they would be so few that reading the
// weights would take longer than multiplying, or not one strip fits.
SPAR_INLINE int64_t alone_rows(int64_t rows, int64_t width, int64_t threads) {
  constexpr int64_t kFewest = 96;
  const int64_t steps = chain_steps(steps_of(width));
  int64_t most = 0;
  while (scratch_bytes(most / kRows + 1, steps) + (most + kRows) * kBackwardColumns * 4 <= kScratchBytes) most += kRows;
  if (rows == 0 || most == 0) return 0;
  const int64_t units = ceil_div(rows, threads * most) * threads;
  const int64_t each = ceil_div(ceil_div(rows, units), kRows) * kRows;
  return each < kFewest ? 0 : each;
}

// dz as the two products read it: of row t at dz[t kNarrowStride]. It lies over the first half of the row's logits, if
// these are in the chunk.
constexpr int64_t kNarrowStride = 2 * kHeadChunk;

// Logits z[0, n) of row t, columns from `column` on, become dz.
SPAR_INLINE void narrow_gradient(const HeadBackward& a, int64_t t, int64_t column, float* z, int64_t n, uint16_t* dz) {
  logit_gradient(z, n, a.target[t] - column, a.lse[t], a.coef[t]);
  for (int64_t i = 0; i < n; i += kStep) _mm512_mask_storeu_epi16(dz + i, lanes32(n - i), neighbours(z + i, n - i));
}

SPAR_INLINE void head_forward(const Exec& exec, const HeadForward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n;
  RowState* state = row_states(a.chunk, rows);
  start_rows(state, rows);
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const int64_t columns = at_most(vocab - first, kHeadChunk);
    product(exec.backend->threads, logits_product(a.x, a.weight, rows, first, columns, a.chunk, kHeadChunk));
    each_row(exec.backend->threads, rows,
             [&](int64_t t) { add_logits(&state[t], a.chunk + t * kHeadChunk, columns, a.target[t] - first); });
  }
  finish_rows(a, state);
}

// dz of a chunk.
SPAR_INLINE void chunk_gradient(const Exec& exec, const HeadBackward& a, int64_t first, int64_t columns, uint16_t* dz) {
  const int64_t rows = *a.rows, width = a.weight.k;
  ThreadPool& threads = exec.backend->threads;
  const int64_t alone = alone_rows(rows, width, threads.size());
  if (alone == 0) {
    product(threads, logits_product(a.x, a.weight, rows, first, columns, a.chunk, kHeadChunk));
    return each_row(threads, rows, [&](int64_t t) {
      narrow_gradient(a, t, first, a.chunk + t * kHeadChunk, columns, dz + t * kNarrowStride);
    });
  }
  const int64_t parts = ceil_div(columns, kBackwardColumns);
  threads.parallel(ceil_div(rows, alone) * parts, [&](int64_t unit, int32_t thread) {
    const int64_t row = unit / parts * alone, count = at_most(rows - row, alone);
    const int64_t at = unit % parts * kBackwardColumns, some = at_most(columns - at, kBackwardColumns);
    float* z = threads.scratch(thread);
    const Product g = logits_product(a.x + row * width, a.weight, count, first + at, some, z, kBackwardColumns);
    product_unit(g, 0, count, 0, groups_of(some), false, z + alone * kBackwardColumns);
    for (int64_t t = 0; t < count; t++)
      narrow_gradient(a, row + t, first + at, z + t * kBackwardColumns, some, dz + (row + t) * kNarrowStride + at);
  });
}

SPAR_INLINE void head_backward(const Exec& exec, const HeadBackward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n, width = a.weight.k;
  ThreadPool& threads = exec.backend->threads;
  uint16_t* dz = reinterpret_cast<uint16_t*>(a.chunk);
  const Rows gradient = {nullptr, dz, kNarrowStride};
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const int64_t columns = at_most(vocab - first, kHeadChunk);
    chunk_gradient(exec, a, first, columns, dz);
    const uint16_t* panels = static_cast<const uint16_t*>(a.weight.backward) + first * kPanel;
    product(threads,
            Product{gradient, panels, strip(vocab), a.dx, width, first ? a.dx : nullptr, width, rows, width, columns});
    outer_product(threads, {gradient, a.x, width, a.dw + first * width, width, rows, columns, width});
  }
}

#else

void head_forward(const Exec&, const HeadForward&);
void head_backward(const Exec&, const HeadBackward&);

#endif

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
