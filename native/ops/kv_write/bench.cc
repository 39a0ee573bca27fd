// Timings of kv_write at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_kv_write([] {
  add_bench("kv_write", [](Bench& b) {
    for (int32_t m : {8, 64, 512}) {
      const int32_t heads = 9, kv_heads = 3, head_dim = 64;
      const int64_t width = kv_heads * head_dim;
      const float* qkv = b.data(m * 15 * head_dim, 1);
      float *keys = b.data(m * width, 2), *values = b.data(m * width, 3);
      std::vector<int64_t> slot(static_cast<size_t>(m));
      for (int32_t i = 0; i < m; i++) slot[static_cast<size_t>(i)] = (i * 7 + 3) % m;
      DecodeView view = {};
      view.rows = m, view.slot = slot.data();
      b.time("m=" + std::to_string(m), 0, 16.0 * static_cast<double>(m * width), m, [&] {
        b.kernels().kv_write(b.exec(), {&view, heads, kv_heads, head_dim, qkv, keys, values});
      });
    }
  });
});

}  // namespace test
}  // namespace spar
