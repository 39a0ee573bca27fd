// head on the CPU: products of backends/cpu/gemm.h over one chunk of the vocabulary at a time.
#include "backends/cpu/gemm.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/threads.h"
#include "core/bf16.h"
#include "ops/head/lse.h"

namespace spar {
namespace SPAR_ISA_NS {

static_assert(kHeadChunk % kPanel == 0 && kHeadChunk % kChain == 0, "chunks are whole panels and whole chains");

// Rows of one unit when rows are worked on whole.
constexpr int64_t kRowUnit = 4;

// Running sums of one row, kept after the logits in `chunk`.
struct RowState {
  LogSumExp lse;
  float target;  // logit of the row's target
};

SPAR_INLINE RowState* row_states(float* chunk, int64_t rows) {
  return reinterpret_cast<RowState*>(chunk + rows * kHeadChunk);
}

// The logits of columns [first, first + columns), row t at chunk[t kHeadChunk].
SPAR_INLINE Product logits_of(const float* x, const PackedWeight& w, bool bf16, int64_t rows, int64_t first,
                              float* chunk) {
  Panels b = panels_of(w.forward, w.k, bf16);
  b.words += first / kPanel * b.stride;
  const int64_t columns = w.n - first < kHeadChunk ? w.n - first : kHeadChunk;
  return {x, w.k, b, chunk, kHeadChunk, nullptr, 0, rows, columns, w.k};
}

template <class F>
SPAR_INLINE void each_row(ThreadPool& threads, int64_t rows, F&& f) {
  threads.parallel((rows + kRowUnit - 1) / kRowUnit, [&](int64_t unit, int32_t) {
    const int64_t end = (unit + 1) * kRowUnit < rows ? (unit + 1) * kRowUnit : rows;
    for (int64_t t = unit * kRowUnit; t < end; t++) f(t);
  });
}

void head_forward(const Exec& exec, const HeadForward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n;
  ThreadPool& threads = exec.backend->threads;
  RowState* state = row_states(a.chunk, rows);
  for (int64_t t = 0; t < rows; t++) state[t] = {lse_start(), 0};
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const Product g = logits_of(a.x, a.weight, exec.precision == SPAR_BF16, rows, first, a.chunk);
    product(threads, g, [](int64_t, int64_t, int64_t, int64_t) {});
    each_row(threads, rows, [&](int64_t t) {
      const float* z = a.chunk + t * kHeadChunk;
      const int64_t target = a.target[t] - first;
      if (target >= 0 && target < g.columns) state[t].target = z[target];
      lse_add(&state[t].lse, z, g.columns);
    });
  }
  for (int64_t t = 0; t < rows; t++) {
    a.lse[t] = lse_value(state[t].lse);
    a.logp[t] = lse_logp(state[t].lse, state[t].target);
    if (a.entropy) a.entropy[t] = lse_entropy(state[t].lse);
  }
}

// Logits z[0, n) of one row, of columns from `first` on, become coef (1[target] - softmax).
SPAR_INLINE void logit_gradient(float* z, int64_t n, int64_t target, float lse, float coef, bool bf16) {
  const vf shift = splat(lse), scale = splat(-coef);
  const bool here = target >= 0 && target < n;
  const float old = here ? z[target] : 0;
  auto gradient = [&](vf logit) {
    const vf d = exp(logit - shift) * scale;
    return bf16 ? round_bf16(d) : d;
  };
  each_vector(n, [&](int64_t i, int count) { store_part(z + i, gradient(load_part(z + i, count)), count); });
  if (!here) return;
  const float d = (exp(splat(old) - shift) * scale)[0] + coef;
  z[target] = bf16 ? from_bf16(to_bf16(d)) : d;
}

void head_backward(const Exec& exec, const HeadBackward& a) {
  const int64_t rows = *a.rows, vocab = a.weight.n, width = a.weight.k;
  const bool bf16 = exec.precision == SPAR_BF16;
  ThreadPool& threads = exec.backend->threads;
  for (int64_t first = 0; first < vocab; first += kHeadChunk) {
    const Product g = logits_of(a.x, a.weight, bf16, rows, first, a.chunk);
    product(threads, g, [&](int64_t row0, int64_t row1, int64_t panel0, int64_t panel1) {
      const int64_t column = panel0 * kPanel, end = panel1 * kPanel < g.columns ? panel1 * kPanel : g.columns;
      for (int64_t t = row0; t < row1; t++)
        logit_gradient(a.chunk + t * kHeadChunk + column, end - column, a.target[t] - first - column, a.lse[t],
                       a.coef[t], bf16);
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
