// Timings of head at the shape of a 135 M model, and of its passes over logits alone (width 8).
#include <string>
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static void passes(Bench& b, int32_t t, int64_t v, int64_t c, int32_t precision) {
  const Exec exec = b.exec(precision);
  PackedWeight w = {b.data(v * c, 1), nullptr, nullptr, v, c};
  const int64_t bytes = b.kernels().linear_packed_bytes(v, c, precision, 0);
  w.forward = b.data(bytes / 4, 2);
  w.backward = b.data(b.kernels().linear_packed_bytes(v, c, precision, 1) / 4, 3);
  b.kernels().linear_prepare(exec, {w});
  std::vector<int32_t> target(static_cast<size_t>(t), static_cast<int32_t>(v / 2));
  const float *x = b.data(t * c, 4), *coef = b.data(t, 5);
  float *logp = b.data(t, 6), *lse = b.data(t, 7), *entropy = b.data(t, 8), *chunk = b.data(head_scratch(t), 9);
  float *dx = b.data(t * c, 10), *dw = b.data(v * c, 11);
  const double flops = 2.0 * t * static_cast<double>(v * c), logits = 8.0 * t * static_cast<double>(v);
  const std::string shape = std::string(precision == SPAR_BF16 ? " bf16 t=" : " fp32 t=") + std::to_string(t) +
                            ",v=" + std::to_string(v) + ",c=" + std::to_string(c);
  b.time("forward" + shape, flops, static_cast<double>(bytes) + logits, t, [&] {
    b.kernels().head_forward(exec, {&t, x, w, target.data(), logp, lse, entropy, chunk});
  });
  b.time("backward" + shape, 3 * flops, 2.0 * static_cast<double>(bytes + v * c * 4) + logits, t, [&] {
    b.kernels().head_backward(exec, {&t, x, w, target.data(), lse, coef, dx, dw, chunk});
  });
}

static const Registration timings_of_head([] {
  add_bench("head", [](Bench& b) {
    passes(b, 8, 49152, 576, SPAR_FP32);
    passes(b, 256, 49152, 576, SPAR_FP32);
    passes(b, 256, 49152, 576, SPAR_BF16);
    passes(b, 256, 49152, 8, SPAR_FP32);
  });
});

}  // namespace test
}  // namespace spar
