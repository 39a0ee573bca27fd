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

// Logits of columns [first, first + columns): row t at chunk[t kHeadChunk].
SPAR_INLINE Product logits_product(const float* x, const PackedWeight& w, int64_t rows, int64_t first, int64_t columns,
                                   float* chunk) {
  const uint16_t* panels = static_cast<const uint16_t*>(w.forward) + first / kPanel * strip(w.k);
  return {x, w.k, panels, strip(w.k), chunk, kHeadChunk, nullptr, 0, rows, columns, w.k};
}

// Rows of a unit that computes its logits alone: equal for all, whole strips. 0: they would be so few that reading the
// weights would take longer than multiplying. The most fill half of a second cache of 2 MiB with kBackwardColumns.
constexpr int64_t kBackwardRows = 256, kBackwardColumns = kHeadChunk / 2;
static_assert(kBackwardColumns % kColumns == 0, "whole groups");

SPAR_INLINE int64_t alone_rows(int64_t rows, int64_t threads) {
  constexpr int64_t kFewest = 96;
  const int64_t units = ceil_div(rows, threads * kBackwardRows) * threads;
  const int64_t each = rows == 0 ? 0 : ceil_div(ceil_div(rows, units), kRows) * kRows;
  return each < kFewest ? 0 : each;
}

SPAR_INLINE void head_forward(const Exec& exec, const HeadForward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n;
  RowState* state = row_states(a.chunk, rows);
  start_rows(state, rows);
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const int64_t columns = at_most(vocab - first, kHeadChunk);
    product(exec.backend->threads, logits_product(a.x, a.weight, rows, first, columns, a.chunk));
    each_row(exec.backend->threads, rows,
             [&](int64_t t) { add_logits(&state[t], a.chunk + t * kHeadChunk, columns, a.target[t] - first); });
  }
  finish_rows(a, state);
}

// dz of a chunk.
SPAR_INLINE void chunk_gradient(const Exec& exec, const HeadBackward& a, int64_t first, int64_t columns) {
  const int64_t rows = *a.rows;
  ThreadPool& threads = exec.backend->threads;
  auto gradient = [&](int64_t t, int64_t column, int64_t count) {
    logit_gradient(a.chunk + t * kHeadChunk + column, count, a.target[t] - first - column, a.lse[t], a.coef[t]);
  };
  const int64_t alone = alone_rows(rows, threads.size());
  if (alone == 0) {
    product(threads, logits_product(a.x, a.weight, rows, first, columns, a.chunk));
    return each_row(threads, rows, [&](int64_t t) { gradient(t, 0, columns); });
  }
  const int64_t parts = ceil_div(columns, kBackwardColumns);
  threads.parallel(ceil_div(rows, alone) * parts, [&](int64_t unit, int32_t thread) {
    const int64_t row = unit / parts * alone, end = at_most(row + alone, rows);
    const int64_t column = unit % parts * kBackwardColumns, count = at_most(columns - column, kBackwardColumns);
    const Product g = logits_product(a.x, a.weight, rows, first + column, count, a.chunk + column);
    product_unit(g, row, end, 0, groups_of(count), false, threads.scratch(thread));
    for (int64_t t = row; t < end; t++) gradient(t, column, count);
  });
}

SPAR_INLINE void head_backward(const Exec& exec, const HeadBackward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n, width = a.weight.k;
  ThreadPool& threads = exec.backend->threads;
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const int64_t columns = at_most(vocab - first, kHeadChunk);
    chunk_gradient(exec, a, first, columns);
    const uint16_t* panels = static_cast<const uint16_t*>(a.weight.backward) + first * kPanel;
    product(threads, Product{a.chunk, kHeadChunk, panels, strip(vocab), a.dx, width, first ? a.dx : nullptr, width,
                             rows, width, columns});
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
