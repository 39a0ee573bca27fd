// What head does with rows of logits between its products.
#pragma once
#include "backends/cpu/rows.h"
#include "ops/head/lse.h"

namespace spar {
namespace SPAR_ISA_NS {

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

template <class F>
SPAR_INLINE void each_row(ThreadPool& threads, int64_t rows, F&& f) {
  threads.parallel((rows + kRowUnit - 1) / kRowUnit, [&](int64_t unit, int32_t) {
    const int64_t end = (unit + 1) * kRowUnit < rows ? (unit + 1) * kRowUnit : rows;
    for (int64_t t = unit * kRowUnit; t < end; t++) f(t);
  });
}

SPAR_INLINE void start_rows(RowState* state, int64_t rows) {
  for (int64_t t = 0; t < rows; t++) state[t] = {lse_start(), 0};
}

// Takes in the logits of a chunk; target counts from its first column.
SPAR_INLINE void add_logits(RowState* state, const float* z, int64_t columns, int64_t target) {
  if (target >= 0 && target < columns) state->target = z[target];
  lse_add(&state->lse, z, columns);
}

SPAR_INLINE void finish_rows(const HeadForward& a, const RowState* state) {
  for (int64_t t = 0; t < *a.rows; t++) {
    a.lse[t] = lse_value(state[t].lse);
    a.logp[t] = lse_logp(state[t].lse, state[t].target);
    if (a.entropy) a.entropy[t] = lse_entropy(state[t].lse);
  }
}

// Logits z[0, n) of one row, of columns from `first` on, become coef (1[target] - softmax).
SPAR_INLINE void logit_gradient(float* z, int64_t n, int64_t target, float lse, float coef) {
  const vf shift = splat(lse), scale = splat(-coef);
  const bool here = target >= 0 && target < n;
  const float old = here ? z[target] : 0;
  each_vector(n, [&](int64_t i, int count) { store_part(z + i, exp(load_part(z + i, count) - shift) * scale, count); });
  if (here) z[target] = (exp(splat(old) - shift) * scale)[0] + coef;
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
