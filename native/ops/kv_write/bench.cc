// Timings of kv_write at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static void write(Bench& b, int32_t m, int32_t precision) {
  const int32_t heads = 9, kv_heads = 3, head_dim = 64;
  const int64_t width = kv_heads * head_dim;
  const float* qkv = b.data(m * 15 * head_dim, 1);
  const int64_t slots = pool_slots(16 * m);  // rows of other sequences lie in other blocks
  const KvPool pool = {b.data(slots * width, 2), b.data(slots * width, 3), slots};
  std::vector<int64_t> slot(static_cast<size_t>(m));
  for (int32_t i = 0; i < m; i++) slot[static_cast<size_t>(i)] = 16 * i + i % 16;
  DecodeView view = {};
  view.rows = m, view.slot = slot.data();
  const bool bf16 = precision == SPAR_BF16;
  b.time(std::string(bf16 ? "bf16" : "fp32") + " m=" + std::to_string(m), 0,
         (bf16 ? 12.0 : 16.0) * static_cast<double>(m * width), m, [&] {
           b.kernels().kv_write(b.exec(precision), {&view, heads, kv_heads, head_dim, qkv, pool});
         });
}

static const Registration timings_of_kv_write([] {
  add_bench("kv_write", [](Bench& b) {
    for (int32_t precision : {SPAR_FP32, SPAR_BF16})
      for (int32_t m : {8, 64, 512}) write(b, m, precision);
  });
});

}  // namespace test
}  // namespace spar
