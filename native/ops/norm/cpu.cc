// The norm op for one kernel family: see op.h.
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"
#include "ops/norm/row.h"

namespace spar {
namespace SPAR_ISA_NS {

void norm_forward(const Exec& exec, const NormForward& args) {
  const NormForward a = args;
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    // The sum of a row's squares is under way while the row before it is scaled.
    float next = row_rstd(a.x + first * a.c, a.c, a.eps);
    for (int64_t m = first; m < last; m++) {
      const float* x = a.x + m * a.c;
      const float rstd = next;
      if (m + 1 < last) next = row_rstd(x + a.c, a.c, a.eps);
      a.rstd[m] = rstd;
      row_scale(x, a.w, rstd, a.c, a.y + m * a.c);
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

constexpr int kRowsAtOnce = 4;

// dx of R rows, and their part of dw added to `partial`, row by row: together they pass over w and partial once.
template <int R>
SPAR_INLINE void backward_rows(const NormBackward& a, int64_t m, float* partial) {
  const float *dy = a.dy + m * a.c, *x = a.x + m * a.c, *w = a.w;
  float* dx = a.dx + m * a.c;
  const int64_t stride = a.c;
  vf scale[R], along[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
    const float rstd = a.rstd[m + r];
    scale[r] = splat(rstd);
    along[r] = splat(row_along(dy + r * stride, x + r * stride, w, a.c) * rstd * rstd);
  }
  each_vector(a.c, [&](int64_t c, int n) {
    const vf weight = load_part(w + c, n);
    vf total = load_part(partial + c, n);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      const int64_t i = r * stride + c;
      const vf d = load_part(dy + i, n), v = load_part(x + i, n);
      store_part(dx + i, load_part(dx + i, n) + scale[r] * (d * weight - v * along[r]), n);
      total += d * v * scale[r];
    }
    store_part(partial + c, total, n);
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
    int64_t m = block * kNormRowBlock;
    for (; m + kRowsAtOnce <= end; m += kRowsAtOnce) backward_rows<kRowsAtOnce>(a, m, partial);
    for (; m < end; m++) backward_rows<1>(a, m, partial);
  });
  each_vector(a.c, [&](int64_t c, int n) {
    vf total = splat(0);
    for (int64_t block = 0; block < blocks; block++) total += load_part(a.partial + block * a.c + c, n);
    store_part(a.dw + c, load_part(a.dw + c, n) + total, n);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
