// linear/op.h as plain loops in the precision Real: double is the reference, float the yardstick
// that the kernels' errors are measured with.
#pragma once
#include <cstdint>

#include "core/bf16.h"
#include "core/exec.h"
#include "ops/linear/op.h"

namespace spar {
namespace plain {

// An operand of a product with a weight matrix as it is multiplied: rounded in bf16 precision.
inline float operand(float x, int32_t precision) { return precision == SPAR_BF16 ? from_bf16(to_bf16(x)) : x; }

template <class Real>
void linear_forward(const Exec& exec, const LinearForward& a) {
  const int64_t n = a.weight.n, k = a.weight.k;
  for (int64_t m = 0; m < *a.rows; m++) {
    for (int64_t i = 0; i < n; i++) {
      Real sum = 0;
      for (int64_t p = 0; p < k; p++)
        sum +=
            Real(operand(a.x[m * k + p], exec.precision)) * Real(operand(a.weight.master[i * k + p], exec.precision));
      if (a.bias) sum += Real(a.bias[i]);
      if (a.residual) sum += Real(a.residual[m * n + i]);
      a.y[m * n + i] = static_cast<float>(sum);
    }
  }
}

template <class Real>
void linear_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  const int64_t n = a.weight.n, k = a.weight.k;
  for (int64_t m = 0; m < *a.rows; m++) {
    for (int64_t i = 0; i < k; i++) {
      Real sum = 0;
      for (int64_t p = 0; p < n; p++)
        sum +=
            Real(operand(a.dy[m * n + p], exec.precision)) * Real(operand(a.weight.master[p * k + i], exec.precision));
      if (a.accumulate) sum += Real(a.dx[m * k + i]);
      a.dx[m * k + i] = static_cast<float>(sum);
    }
  }
}

template <class Real>
void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  for (int64_t n = 0; n < a.n; n++) {
    for (int64_t k = 0; k < a.k; k++) {
      Real sum = 0;
      for (int64_t m = 0; m < *a.rows; m++)
        sum += Real(operand(a.dy[m * a.n + n], exec.precision)) * Real(operand(a.x[m * a.k + k], exec.precision));
      a.dw[n * a.k + k] = static_cast<float>(Real(a.dw[n * a.k + k]) + sum);
    }
    if (!a.dbias) continue;
    Real sum = 0;
    for (int64_t m = 0; m < *a.rows; m++) sum += Real(a.dy[m * a.n + n]);
    a.dbias[n] = static_cast<float>(Real(a.dbias[n]) + sum);
  }
}

}  // namespace plain
}  // namespace spar
