// Timings of optimizer: a run of vectors, and the largest layer matrices of SmolLM2-135M, Qwen2.5-0.5B and Llama-3.2-1B
// with their packed copies; the masters, moments and copies of a set of them do not fit into caches.
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

OptimizerUpdate state(Bench& b, int64_t count) {
  OptimizerUpdate a = {};
  a.count = count;
  a.param = b.data(count, 1), a.grad = b.data(count, 2), a.first = b.data(count, 3), a.second = b.data(count, 4);
  for (int64_t i = 0; i < count; i++) a.first[i] *= a.first[i], a.second[i] *= a.second[i];
  a.learning_rate = 1e-6, a.beta1 = 0.9, a.beta2 = 0.99, a.eps = 1e-8, a.weight_decay = 0.01, a.grad_scale = 0.5,
  a.step = 10;
  return a;
}

void matrices(Bench& b, int64_t n, int64_t k, int64_t number, int32_t precision) {
  std::vector<OptimizerUpdate> all;
  const double count = static_cast<double>(n * k * number), copies = precision == SPAR_BF16 ? 4 : 8;
  for (int64_t i = 0; i < number; i++) {
    OptimizerUpdate a = state(b, n * k);
    a.kind = SPAR_OPTIM_ADAMW;
    a.weight = {a.param, b.data(b.kernels().linear_packed_bytes(n, k, precision, 0) / 4, 1),
                b.data(b.kernels().linear_packed_bytes(n, k, precision, 1) / 4, 1), n, k};
    all.push_back(a);
  }
  b.time("AdamW, " + std::to_string(number) + " x [" + std::to_string(n) + "," + std::to_string(k) + "]" +
             (precision == SPAR_BF16 ? " bf16" : " fp32"),
         14 * count, (32 + copies) * count, 0, [&] {
           for (const OptimizerUpdate& a : all) b.kernels().optimizer_update(b.exec(precision), a);
         });
}

}  // namespace

static const Registration timings_of_optimizer([] {
  add_bench("optimizer", [](Bench& b) {
    const int64_t count = 20000000;
    OptimizerUpdate a = state(b, count);
    const double n = static_cast<double>(count);
    a.kind = SPAR_OPTIM_ADAMW;
    b.time("AdamW, 20 M parameters", 14 * n, 32 * n, 0, [&] { b.kernels().optimizer_update(b.exec(), a); });
    a.kind = SPAR_OPTIM_RMSPROP;
    b.time("RMSProp, 20 M parameters", 9 * n, 24 * n, 0, [&] { b.kernels().optimizer_update(b.exec(), a); });
    for (int32_t precision : {SPAR_FP32, SPAR_BF16}) matrices(b, 3072, 576, 16, precision);
    matrices(b, 576, 1536, 32, SPAR_BF16);
    matrices(b, 9728, 896, 3, SPAR_BF16);
    matrices(b, 2048, 8192, 2, SPAR_BF16);
  });
});

}  // namespace test
}  // namespace spar
