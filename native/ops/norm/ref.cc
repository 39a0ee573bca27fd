// The norm op in double: see op.h.
#include <cmath>
#include <vector>

#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {

void norm_forward(const Exec&, const NormForward& a) {
  for (int64_t m = 0; m < *a.rows; m++) {
    const float* x = a.x + m * a.c;
    double sum = 0;
    for (int64_t c = 0; c < a.c; c++) sum += double{x[c]} * x[c];
    const double rstd = 1.0 / std::sqrt(sum / static_cast<double>(a.c) + double{a.eps});
    a.rstd[m] = static_cast<float>(rstd);
    for (int64_t c = 0; c < a.c; c++) a.y[m * a.c + c] = static_cast<float>(double{x[c]} * a.rstd[m] * a.w[c]);
  }
}

void norm_apply(const Exec&, const NormApply& a) {
  for (int64_t m = 0; m < *a.rows; m++)
    for (int64_t c = 0; c < a.c; c++)
      a.y[m * a.c + c] = static_cast<float>(double{a.x[m * a.c + c]} * a.rstd[m] * a.w[c]);
}

void norm_backward(const Exec&, const NormBackward& a) {
  std::vector<double> dw(static_cast<size_t>(a.c), 0.0);
  for (int64_t m = 0; m < *a.rows; m++) {
    const float* dy = a.dy + m * a.c;
    const float* x = a.x + m * a.c;
    float* dx = a.dx + m * a.c;
    const double rstd = a.rstd[m];
    double mean = 0;
    for (int64_t c = 0; c < a.c; c++) {
      mean += double{dy[c]} * a.w[c] * x[c];
      dw[static_cast<size_t>(c)] += double{dy[c]} * x[c] * rstd;
    }
    mean /= static_cast<double>(a.c);
    for (int64_t c = 0; c < a.c; c++)
      dx[c] = static_cast<float>(dx[c] + rstd * (double{dy[c]} * a.w[c] - x[c] * rstd * rstd * mean));
  }
  for (int64_t c = 0; c < a.c; c++) a.dw[c] = static_cast<float>(a.dw[c] + dw[static_cast<size_t>(c)]);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
