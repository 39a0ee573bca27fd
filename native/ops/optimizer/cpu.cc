// The optimizer op for one kernel family: see op.h.
#include <cmath>

#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

// Decay and step are joined before they meet the parameter: at learning rates of 1e-7 the decay
// alone is below half an ulp of it and would be lost.
struct AdamW {
  vf scale, beta1, rest1, beta2, rest2, decay, rate, root, eps;

  explicit AdamW(const OptimizerUpdate& a) {
    const double step = static_cast<double>(a.step);
    scale = splat(static_cast<float>(a.grad_scale));
    beta1 = splat(static_cast<float>(a.beta1));
    rest1 = splat(static_cast<float>(1.0 - a.beta1));
    beta2 = splat(static_cast<float>(a.beta2));
    rest2 = splat(static_cast<float>(1.0 - a.beta2));
    decay = splat(static_cast<float>(a.learning_rate * a.weight_decay));
    rate = splat(static_cast<float>(a.learning_rate / (1.0 - std::pow(a.beta1, step))));
    root = splat(static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(a.beta2, step))));
    eps = splat(static_cast<float>(a.eps));
  }

  inline __attribute__((always_inline)) void update(vf& p, vf grad, vf& m, vf& v) const {
    const vf g = scale * grad;
    m = fma(beta1, m, rest1 * g);
    v = fma(beta2, v, rest2 * g * g);
    p -= fma(decay, p, rate * m / fma(sqrt(v), root, eps));
  }
};

struct RmsProp {
  vf scale, alpha, rest, decay, rate, eps;

  explicit RmsProp(const OptimizerUpdate& a) {
    scale = splat(static_cast<float>(a.grad_scale));
    alpha = splat(static_cast<float>(a.beta2));
    rest = splat(static_cast<float>(1.0 - a.beta2));
    decay = splat(static_cast<float>(a.weight_decay));
    rate = splat(static_cast<float>(a.learning_rate));
    eps = splat(static_cast<float>(a.eps));
  }

  inline __attribute__((always_inline)) void update(vf& p, vf grad, vf& v) const {
    const vf g = fma(decay, p, scale * grad);
    v = fma(alpha, v, rest * g * g);
    p -= rate * g / (sqrt(v) + eps);
  }
};

SPAR_INLINE void update_part(const OptimizerUpdate& a, const AdamW& rule, int64_t i, int n) {
  vf p = load_part(a.param + i, n), m = load_part(a.first + i, n), v = load_part(a.second + i, n);
  rule.update(p, load_part(a.grad + i, n), m, v);
  store_part(a.param + i, p, n);
  store_part(a.first + i, m, n);
  store_part(a.second + i, v, n);
  store_part(a.grad + i, splat(0), n);
}

SPAR_INLINE void update_part(const OptimizerUpdate& a, const RmsProp& rule, int64_t i, int n) {
  vf p = load_part(a.param + i, n), v = load_part(a.first + i, n);
  rule.update(p, load_part(a.grad + i, n), v);
  store_part(a.param + i, p, n);
  store_part(a.first + i, v, n);
  store_part(a.grad + i, splat(0), n);
}

template <class Rule>
SPAR_INLINE void update_run(const OptimizerUpdate& a, const Rule& rule, int64_t first, int64_t last) {
  each_vector(last - first, [&](int64_t i, int n) {
    fetch_to_write(a.param, first + i + kAhead);
    fetch_to_write(a.grad, first + i + kAhead);
    fetch_to_write(a.first, first + i + kAhead);
    if (a.second) fetch_to_write(a.second, first + i + kAhead);
    update_part(a, rule, first + i, n);
  });
}

template <class Rule>
SPAR_INLINE void update_all(const Exec& exec, const OptimizerUpdate& a, const Rule& rule) {
  if (a.weight.forward == nullptr)
    return parallel_rows(exec, a.count, 1, [&](int64_t first, int64_t last) { update_run(a, rule, first, last); });
  const int64_t n = a.weight.n, k = a.weight.k;
  exec.backend->threads.parallel((n + kPackRows - 1) / kPackRows, [&](int64_t unit, int32_t) {
    const int64_t n0 = unit * kPackRows, n1 = n0 + kPackRows < n ? n0 + kPackRows : n;
    update_run(a, rule, n0 * k, n1 * k);
    linear_pack_rows(a.weight, exec.precision, n0, n1);
  });
}

}  // namespace

void optimizer_update(const Exec& exec, const OptimizerUpdate& args) {
  const OptimizerUpdate a = args;
  if (a.kind == SPAR_OPTIM_ADAMW) update_all(exec, a, AdamW(a));
  if (a.kind == SPAR_OPTIM_RMSPROP) update_all(exec, a, RmsProp(a));
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
