// Timings of residual at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_residual([] {
  add_bench("residual", [](Bench& b) {
    for (int32_t m : {8, 512, 4096}) {
      const int64_t c = 576, count = m * c;
      const float *x = b.data(count, 1), *y = b.data(count, 2);
      float* out = b.data(count, 3);
      b.time("m=" + std::to_string(m), static_cast<double>(count), 12.0 * static_cast<double>(count), m, [&] {
        b.kernels().residual(b.exec(), {&m, x, y, out, c});
      });
    }
  });
});

}  // namespace test
}  // namespace spar
