// The norm op for one kernel family: see op.h.
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"
#include "ops/norm/row.h"

namespace spar {
namespace SPAR_ISA_NS {

void norm_forward(const Exec& exec, const NormForward& args) {
  const NormForward a = args;
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) {
      const float* x = a.x + m * a.c;
      a.rstd[m] = row_rstd(x, a.c, a.eps);
      row_scale(x, a.w, a.rstd[m], a.c, a.y + m * a.c);
    }
  });
}

void norm_apply(const Exec& exec, const NormApply& args) {
  const NormApply a = args;
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) row_scale(a.x + m * a.c, a.w, a.rstd[m], a.c, a.y + m * a.c);
  });
}

namespace {

// dx of one row, and the row's part of dw added to `partial`.
void backward_row(const NormBackward& a, int64_t m, float* partial) {
  const float *dy = a.dy + m * a.c, *x = a.x + m * a.c, *w = a.w;
  float* dx = a.dx + m * a.c;
  const float rstd = a.rstd[m];
  const vf scale = splat(rstd), along = splat(row_along(dy, x, w, a.c) * rstd * rstd);
  each_vector(a.c, [=](int64_t c, int n) {
    const vf d = load_part(dy + c, n), v = load_part(x + c, n);
    const vf g = scale * (d * load_part(w + c, n) - v * along);
    store_part(dx + c, load_part(dx + c, n) + g, n);
    store_part(partial + c, load_part(partial + c, n) + d * v * scale, n);
  });
}

}  // namespace

void norm_backward(const Exec& exec, const NormBackward& args) {
  const NormBackward a = args;
  const int64_t rows = *a.rows, blocks = (rows + kNormRowBlock - 1) / kNormRowBlock;
  exec.backend->threads.parallel(blocks, [&](int64_t block, int32_t) {
    float* partial = a.partial + block * a.c;
    for (int64_t c = 0; c < a.c; c++) partial[c] = 0;
    const int64_t end = (block + 1) * kNormRowBlock < rows ? (block + 1) * kNormRowBlock : rows;
    for (int64_t m = block * kNormRowBlock; m < end; m++) backward_row(a, m, partial);
  });
  each_vector(a.c, [&](int64_t c, int n) {
    vf total = splat(0);
    for (int64_t block = 0; block < blocks; block++) total += load_part(a.partial + block * a.c + c, n);
    store_part(a.dw + c, load_part(a.dw + c, n) + total, n);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
