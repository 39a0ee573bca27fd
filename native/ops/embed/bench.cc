// Timings of embed at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_embed([] {
  add_bench("embed", [](Bench& b) {
    const int32_t vocabulary = 49152;
    const int64_t c = 576;
    float* table = b.data(vocabulary * c, 1);
    for (int32_t m : {8, 512, 4096}) {
      std::vector<int32_t> token(static_cast<size_t>(m));
      for (int32_t i = 0; i < m; i++) token[static_cast<size_t>(i)] = static_cast<int32_t>(i * 7919LL % vocabulary);
      float* x = b.data(m * c, 2);
      const double bytes = 4.0 * static_cast<double>(m * c);
      const std::string rows = " m=" + std::to_string(m);
      b.time("forward fp32" + rows, 0, 2 * bytes, m, [&] {
        b.kernels().embed_forward(b.exec(), {&m, token.data(), table, x, c});
      });
      b.time("forward bf16" + rows, 0, 2 * bytes, m, [&] {
        b.kernels().embed_forward(b.exec(SPAR_BF16), {&m, token.data(), table, x, c});
      });
      b.time("backward" + rows, static_cast<double>(m * c), 3 * bytes, m, [&] {
        b.kernels().embed_backward(b.exec(), {&m, token.data(), x, table, c});
      });
    }
  });
});

}  // namespace test
}  // namespace spar
