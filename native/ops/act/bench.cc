// Timings of act at the rows of a training batch and the widths F of SmolLM2-135M, Qwen2.5-0.5B and Llama-3.2-1B, and
// at those of a decode step.
#include <algorithm>

#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_act([] {
  add_bench("act", [](Bench& b) {
    struct {
      int32_t m;
      int64_t f;
    } shapes[] = {{8, 1536}, {1792, 1536}, {1792, 4864}, {1792, 8192}};
    for (const auto& s : shapes) {
      const int64_t count = s.m * s.f;
      float *gate_up = b.data(2 * count, 1), *h = b.data(count, 3), *dh = b.data(count, 2);
      const double n = static_cast<double>(count);
      const std::string name = " m=" + std::to_string(s.m) + ",f=" + std::to_string(s.f);
      b.time("forward" + name, 12 * n, 12 * n, s.m, [&] {
        b.kernels().act_forward(b.exec(), {&s.m, gate_up, h, s.f});
      });
      // In place a repeated backward pass would fade into subnormal numbers, but not from zeros.
      std::fill_n(gate_up, 2 * count, 0.0f);
      b.time("backward" + name, 20 * n, 24 * n, s.m, [&] {
        b.kernels().act_backward(b.exec(), {&s.m, dh, gate_up, gate_up, s.f});
      });
    }
  });
});

}  // namespace test
}  // namespace spar
