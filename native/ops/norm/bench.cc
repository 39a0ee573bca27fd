// Timings of norm at the rows of a training batch and the widths C of SmolLM2-135M, Qwen2.5-0.5B and Llama-3.2-1B,
// and at those of a decode step.
#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_norm([] {
  add_bench("norm", [](Bench& b) {
    struct {
      int32_t m;
      int64_t c;
    } shapes[] = {{8, 576}, {1792, 576}, {1792, 896}, {1792, 2048}};
    for (const auto& shape : shapes) {
      const int32_t m = shape.m;
      const int64_t c = shape.c, count = m * c;
      const float *x = b.data(count, 1), *w = b.data(c, 2), *dy = b.data(count, 3);
      float *y = b.data(count, 4), *rstd = b.data(m, 5), *dx = b.data(count, 6), *dw = b.data(c, 7);
      float* partial = b.data((m / kNormRowBlock + 1) * c, 8);
      const double n = static_cast<double>(count);
      const std::string rows = " m=" + std::to_string(m) + ",c=" + std::to_string(c);
      b.time("forward" + rows, 4 * n, 8 * n, m, [&] {
        b.kernels().norm_forward(b.exec(), {&m, x, w, y, rstd, c, 1e-5f});
      });
      b.time("apply" + rows, 2 * n, 8 * n, m, [&] { b.kernels().norm_apply(b.exec(), {&m, x, w, rstd, y, c}); });
      b.time("backward" + rows, 9 * n, 16 * n, m, [&] {
        b.kernels().norm_backward(b.exec(), {&m, dy, x, w, rstd, dx, dw, partial, c});
      });
    }
  });
});

}  // namespace test
}  // namespace spar
