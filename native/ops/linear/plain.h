// linear/op.h as plain loops in the precision Real: double is the reference, float the yardstick
// that the kernels' errors are measured with.
#pragma once
#include <cstdint>

#include "core/bf16.h"
#include "core/exec.h"
#include "ops/linear/op.h"

namespace spar {
namespace plain {

// The value of W that products use: the master, rounded in bf16 precision.
inline float weight_value(const PackedWeight& w, int32_t precision, int64_t i) {
  return precision == SPAR_BF16 ? from_bf16(to_bf16(w.master[i])) : w.master[i];
}

template <class Real>
void linear_forward(const Exec& exec, const LinearForward& a) {
  const int64_t n = a.weight.n, k = a.weight.k;
  for (int64_t m = 0; m < *a.rows; m++) {
    for (int64_t i = 0; i < n; i++) {
      Real sum = 0;
      for (int64_t p = 0; p < k; p++)
        sum += Real(a.x[m * k + p]) * Real(weight_value(a.weight, exec.precision, i * k + p));
      if (a.bias) sum += Real(a.bias[i]);
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
        sum += Real(a.dy[m * n + p]) * Real(weight_value(a.weight, exec.precision, p * k + i));
      if (a.accumulate) sum += Real(a.dx[m * k + i]);
      a.dx[m * k + i] = static_cast<float>(sum);
    }
  }
}

template <class Real>
void linear_backward_weight(const Exec&, const LinearBackwardWeight& a) {
  for (int64_t n = 0; n < a.n; n++) {
    for (int64_t k = 0; k < a.k; k++) {
      Real sum = 0;
      for (int64_t m = 0; m < *a.rows; m++) sum += Real(a.dy[m * a.n + n]) * Real(a.x[m * a.k + k]);
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
