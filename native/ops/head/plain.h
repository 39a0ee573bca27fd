// head/op.h as plain loops in the precision Real: double is the reference, float the yardstick
// that the kernels' errors are measured with.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/exec.h"
#include "ops/head/op.h"
#include "ops/linear/plain.h"

namespace spar {
namespace plain {

template <class Real>
Real head_logit(const Exec& exec, const float* x, const PackedWeight& w, int64_t v) {
  Real z = 0;
  for (int64_t c = 0; c < w.k; c++)
    z += Real(operand(x[c], exec.precision)) * Real(operand(w.master[v * w.k + c], exec.precision));
  return z;
}

template <class Real>
void head_forward(const Exec& exec, const HeadForward& a) {
  const int64_t vocab = a.weight.n;
  std::vector<Real> z(vocab);
  for (int64_t t = 0; t < *a.rows; t++) {
    for (int64_t v = 0; v < vocab; v++) z[v] = head_logit<Real>(exec, a.x + t * a.weight.k, a.weight, v);
    Real top = z[0], sum = 0, weighted = 0;
    for (Real l : z) top = l > top ? l : top;
    for (Real l : z) {
      const Real e = std::exp(l - top);
      sum += e;
      weighted += e * (l - top);
    }
    a.lse[t] = static_cast<float>(top + std::log(sum));
    a.logp[t] = static_cast<float>((z[a.target[t]] - top) - std::log(sum));
    if (a.entropy) a.entropy[t] = static_cast<float>(std::log(sum) - weighted / sum);
  }
}

template <class Real>
void head_backward(const Exec& exec, const HeadBackward& a) {
  const int64_t vocab = a.weight.n, width = a.weight.k, rows = *a.rows;
  std::vector<Real> dx(rows * width, Real(0)), dz(rows);
  for (int64_t v = 0; v < vocab; v++) {
    for (int64_t t = 0; t < rows; t++) {
      const Real p = std::exp(head_logit<Real>(exec, a.x + t * width, a.weight, v) - Real(a.lse[t]));
      dz[t] = Real(a.coef[t]) * ((v == a.target[t] ? Real(1) : Real(0)) - p);
      if (exec.precision == SPAR_BF16) dz[t] = Real(operand(static_cast<float>(dz[t]), exec.precision));
      for (int64_t c = 0; c < width; c++)
        dx[t * width + c] += dz[t] * Real(operand(a.weight.master[v * width + c], exec.precision));
    }
    for (int64_t c = 0; c < width; c++) {
      Real sum = 0;
      for (int64_t t = 0; t < rows; t++) sum += dz[t] * Real(operand(a.x[t * width + c], exec.precision));
      a.dw[v * width + c] = static_cast<float>(Real(a.dw[v * width + c]) + sum);
    }
  }
  for (int64_t i = 0; i < rows * width; i++) a.dx[i] = static_cast<float>(dx[i]);
}

}  // namespace plain
}  // namespace spar
