// norm/op.h as plain loops in the precision Real: double is the reference, float the yardstick that
// the kernels' errors are measured with.
#pragma once
#include <cmath>
#include <vector>

#include "ops/norm/op.h"

namespace spar {
namespace plain {

template <class Real>
void norm_forward(const Exec&, const NormForward& a) {
  for (int64_t m = 0; m < *a.rows; m++) {
    const float* x = a.x + m * a.c;
    Real sum = 0;
    for (int64_t c = 0; c < a.c; c++) sum += Real(x[c]) * x[c];
    const Real rstd = Real(1) / std::sqrt(sum / Real(a.c) + Real(a.eps));
    a.rstd[m] = static_cast<float>(rstd);
    for (int64_t c = 0; c < a.c; c++) a.y[m * a.c + c] = static_cast<float>(Real(x[c]) * a.rstd[m] * a.w[c]);
  }
}

template <class Real>
void norm_apply(const Exec&, const NormApply& a) {
  for (int64_t m = 0; m < *a.rows; m++)
    for (int64_t c = 0; c < a.c; c++)
      a.y[m * a.c + c] = static_cast<float>(Real(a.x[m * a.c + c]) * a.rstd[m] * a.w[c]);
}

template <class Real>
void norm_backward(const Exec&, const NormBackward& a) {
  std::vector<Real> dw(static_cast<size_t>(a.c), Real(0));
  for (int64_t m = 0; m < *a.rows; m++) {
    const float* dy = a.dy + m * a.c;
    const float* x = a.x + m * a.c;
    float* dx = a.dx + m * a.c;
    const Real rstd = a.rstd[m];
    Real mean = 0;
    for (int64_t c = 0; c < a.c; c++) {
      mean += Real(dy[c]) * a.w[c] * x[c];
      dw[static_cast<size_t>(c)] += Real(dy[c]) * x[c] * rstd;
    }
    mean /= Real(a.c);
    for (int64_t c = 0; c < a.c; c++)
      dx[c] = static_cast<float>(dx[c] + rstd * (Real(dy[c]) * a.w[c] - x[c] * rstd * rstd * mean));
  }
  for (int64_t c = 0; c < a.c; c++) a.dw[c] = static_cast<float>(a.dw[c] + dw[static_cast<size_t>(c)]);
}

}  // namespace plain
}  // namespace spar
