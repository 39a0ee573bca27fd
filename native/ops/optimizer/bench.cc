// Timings of optimizer at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_optimizer([] {
  add_bench("optimizer", [](Bench& b) {
    const int64_t count = 10000000;
    OptimizerUpdate a = {};
    a.count = count;
    a.param = b.data(count, 1), a.grad = b.data(count, 2), a.first = b.data(count, 3), a.second = b.data(count, 4);
    for (int64_t i = 0; i < count; i++) a.first[i] *= a.first[i], a.second[i] *= a.second[i];
    a.learning_rate = 1e-6, a.beta1 = 0.9, a.beta2 = 0.99, a.eps = 1e-8, a.weight_decay = 0.01, a.grad_scale = 0.5,
    a.step = 10;
    const double n = static_cast<double>(count);
    a.kind = SPAR_OPTIM_ADAMW;
    b.time("AdamW, 10 M parameters", 14 * n, 28 * n, 0, [&] { b.kernels().optimizer_update(b.exec(), a); });
    a.kind = SPAR_OPTIM_RMSPROP;
    b.time("RMSProp, 10 M parameters", 9 * n, 20 * n, 0, [&] { b.kernels().optimizer_update(b.exec(), a); });
  });
});

}  // namespace test
}  // namespace spar
