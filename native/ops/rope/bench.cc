// Timings of rope at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include <cmath>
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_rope([] {
  add_bench("rope", [](Bench& b) {
    for (int32_t m : {8, 512, 4096}) {
      const int64_t d = 64, width = 15 * d;
      float *cos = b.data(2048 * d / 2, 1), *sin = b.data(2048 * d / 2, 2), *w = b.data(d, 3);
      // Real angles: repeated turning in place must not shrink the numbers into denormals.
      for (int64_t i = 0; i < 2048 * d / 2; i++) sin[i] = std::sin(cos[i]), cos[i] = std::cos(cos[i]);
      for (int64_t i = 0; i < d; i++) w[i] = 1;
      const float* qkv = b.data(m * width, 4);
      float *out = b.data(m * width, 5), *dw = b.data(2 * d, 6), *partial = b.data((m / 64 + 1) * 2 * d, 7);
      std::vector<int32_t> position(static_cast<size_t>(m));
      for (int32_t i = 0; i < m; i++) position[static_cast<size_t>(i)] = i % 2048;
      const double n = static_cast<double>(m * width);
      for (const float* norm : {static_cast<const float*>(nullptr), static_cast<const float*>(w)}) {
        const RopeShape shape = {9, 3, 64, cos, sin, norm, norm, 1e-6f};
        const std::string label = std::string(norm ? " qk_norm" : "") + " m=" + std::to_string(m);
        b.time("forward" + label, 2.4 * n, 8 * n, m, [&] {
          b.kernels().rope_forward(b.exec(), {&m, position.data(), shape, qkv, out});
        });
        b.time("backward" + label, 2.4 * n, 8 * n, m, [&] {
          b.kernels().rope_backward(b.exec(), {&m, position.data(), shape, out, qkv, dw, dw + d, partial});
        });
      }
    }
  });
});

}  // namespace test
}  // namespace spar
