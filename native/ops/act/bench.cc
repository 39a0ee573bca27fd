// Timings of act at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_act([] {
  add_bench("act", [](Bench& b) {
    for (int32_t m : {8, 512, 2048}) {
      const int64_t f = 1536, count = m * f;
      const float *gate_up = b.data(2 * count, 1), *dh = b.data(count, 2);
      float *h = b.data(count, 3), *d = b.data(2 * count, 4);
      const double n = static_cast<double>(count);
      const std::string rows = " m=" + std::to_string(m);
      b.time("forward" + rows, 12 * n, 12 * n, m, [&] { b.kernels().act_forward(b.exec(), {&m, gate_up, h, f}); });
      b.time("backward" + rows, 20 * n, 20 * n, m, [&] {
        b.kernels().act_backward(b.exec(), {&m, dh, gate_up, d, f});
      });
    }
  });
});

}  // namespace test
}  // namespace spar
