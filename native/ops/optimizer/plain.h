// optimizer/op.h as plain loops in the precision Real, without the packing: double is the reference, float the
// yardstick that the kernels' errors are measured with.
#pragma once
#include <cmath>

#include "ops/optimizer/op.h"

namespace spar {
namespace plain {

template <class Real>
void adamw(const OptimizerUpdate& a) {
  const double step = static_cast<double>(a.step);
  const Real rate = Real(a.learning_rate / (1.0 - std::pow(a.beta1, step)));
  const Real root = Real(std::sqrt(1.0 - std::pow(a.beta2, step)));
  const Real kept = Real(1.0 - a.learning_rate * a.weight_decay);
  for (int64_t i = 0; i < a.count; i++) {
    const Real g = Real(a.grad_scale) * a.grad[i];
    const Real m = Real(a.beta1) * a.first[i] + Real(1.0 - a.beta1) * g;
    const Real v = Real(a.beta2) * a.second[i] + Real(1.0 - a.beta2) * g * g;
    const Real p = a.param[i] * kept;
    a.first[i] = static_cast<float>(m);
    a.second[i] = static_cast<float>(v);
    a.param[i] = static_cast<float>(p - rate * m / (std::sqrt(v) / root + Real(a.eps)));
  }
}

template <class Real>
void rmsprop(const OptimizerUpdate& a) {
  for (int64_t i = 0; i < a.count; i++) {
    const Real g = Real(a.grad_scale) * a.grad[i] + Real(a.weight_decay) * a.param[i];
    const Real v = Real(a.beta2) * a.first[i] + Real(1.0 - a.beta2) * g * g;
    a.first[i] = static_cast<float>(v);
    a.param[i] = static_cast<float>(a.param[i] - Real(a.learning_rate) * g / (std::sqrt(v) + Real(a.eps)));
  }
}

template <class Real>
void optimizer_update(const Exec&, const OptimizerUpdate& a) {
  if (a.kind == SPAR_OPTIM_ADAMW) adamw<Real>(a);
  if (a.kind == SPAR_OPTIM_RMSPROP) rmsprop<Real>(a);
  for (int64_t i = 0; i < a.count; i++) a.grad[i] = 0;
}

}  // namespace plain
}  // namespace spar
