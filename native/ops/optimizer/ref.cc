// The optimizer op in double: see op.h.
#include <cmath>

#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

void adamw(const OptimizerUpdate& a) {
  const double step = static_cast<double>(a.step);
  const double rate = a.learning_rate / (1.0 - std::pow(a.beta1, step));
  const double root = std::sqrt(1.0 - std::pow(a.beta2, step));
  for (int64_t i = 0; i < a.count; i++) {
    const double g = a.grad_scale * a.grad[i];
    const double m = a.beta1 * a.first[i] + (1.0 - a.beta1) * g;
    const double v = a.beta2 * a.second[i] + (1.0 - a.beta2) * g * g;
    const double p = a.param[i] * (1.0 - a.learning_rate * a.weight_decay);
    a.first[i] = static_cast<float>(m);
    a.second[i] = static_cast<float>(v);
    a.param[i] = static_cast<float>(p - rate * m / (std::sqrt(v) / root + a.eps));
  }
}

void rmsprop(const OptimizerUpdate& a) {
  for (int64_t i = 0; i < a.count; i++) {
    const double g = a.grad_scale * a.grad[i] + a.weight_decay * a.param[i];
    const double v = a.beta2 * a.first[i] + (1.0 - a.beta2) * g * g;
    a.first[i] = static_cast<float>(v);
    a.param[i] = static_cast<float>(a.param[i] - a.learning_rate * g / (std::sqrt(v) + a.eps));
  }
}

}  // namespace

void optimizer_update(const Exec&, const OptimizerUpdate& a) {
  if (a.kind == SPAR_OPTIM_ADAMW) adamw(a);
  if (a.kind == SPAR_OPTIM_RMSPROP) rmsprop(a);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
