// head on the CPU: products of backends/cpu/gemm.h, or of bf16/head.h where the hardware multiplies
// bf16 and the precision asks for it, over one chunk of the vocabulary at a time.
#include "backends/cpu/bf16/head.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/threads.h"
#include "ops/head/rows.h"

namespace spar {
namespace SPAR_ISA_NS {

static_assert(kHeadChunk % kPanel == 0 && kHeadChunk % kChain == 0, "chunks are whole panels and whole chains");

// The logits of columns [first, first + columns), row t at chunk[t kHeadChunk].
SPAR_INLINE Product logits_of(const float* x, const PackedWeight& w, bool bf16, int64_t rows, int64_t first,
                              float* chunk) {
  Panels b = panels_of(w.forward, w.k, bf16);
  b.words += first / kPanel * b.stride;
  const int64_t columns = w.n - first < kHeadChunk ? w.n - first : kHeadChunk;
  return {x, w.k, b, chunk, kHeadChunk, nullptr, 0, rows, columns, w.k};
}

void head_forward(const Exec& exec, const HeadForward& a) {
  if constexpr (kBf16Units)
    if (exec.precision == SPAR_BF16) return bf16::head_forward(exec, a);
  const int64_t rows = *a.rows, vocab = a.weight.n;
  ThreadPool& threads = exec.backend->threads;
  RowState* state = row_states(a.chunk, rows);
  start_rows(state, rows);
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const Product g = logits_of(a.x, a.weight, exec.precision == SPAR_BF16, rows, first, a.chunk);
    product(threads, g, [](int64_t, int64_t, int64_t, int64_t) {});
    each_row(threads, rows,
             [&](int64_t t) { add_logits(&state[t], a.chunk + t * kHeadChunk, g.columns, a.target[t] - first); });
  }
  finish_rows(a, state);
}

void head_backward(const Exec& exec, const HeadBackward& a) {
  if constexpr (kBf16Units)
    if (exec.precision == SPAR_BF16) return bf16::head_backward(exec, a);
  const int64_t rows = *a.rows, vocab = a.weight.n, width = a.weight.k;
  const bool bf16 = exec.precision == SPAR_BF16;
  ThreadPool& threads = exec.backend->threads;
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const Product g = logits_of(a.x, a.weight, bf16, rows, first, a.chunk);
    product(threads, g, [&](int64_t row0, int64_t row1, int64_t panel0, int64_t panel1) {
      const int64_t column = panel0 * kPanel, end = panel1 * kPanel < g.columns ? panel1 * kPanel : g.columns;
      for (int64_t t = row0; t < row1; t++)
        logit_gradient(a.chunk + t * kHeadChunk + column, end - column, a.target[t] - first - column, a.lse[t],
                       a.coef[t]);
    });
    const Panels b = panels_from(panels_of(a.weight.backward, vocab, bf16), first);
    const Product dx = {a.chunk, kHeadChunk, b, a.dx, width, first ? a.dx : nullptr, width, rows, width, g.columns};
    product(threads, dx, [](int64_t, int64_t, int64_t, int64_t) {});
    const OuterProduct dw = {a.chunk, kHeadChunk, a.x,       width, a.dw + first * width,
                             width,   rows,       g.columns, width, bf16};
    const OuterUnits units = outer_units(dw, threads.size());
    threads.parallel(units.count(),
                     [&](int64_t unit, int32_t thread) { outer_unit(dw, units, unit, threads.scratch(thread)); });
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
