// Timings of attention_decode at the shapes of a 135 M model (H = 9, G = 3, D = 64).
#include <cmath>
#include <vector>

#include "ops/attention/test_batch.h"

namespace spar {
namespace test {

// m sequences of `own` tokens each, `share` of them behind one prompt of `prompt` tokens.
static void decode(Bench& b, int32_t m, int32_t share, int64_t prompt, int64_t own) {
  const Heads h = {9, 3, 64};
  const int64_t width = h.kv_heads * h.head_dim, slots = m * own + (m / share) * prompt;
  const float *qkv = b.data(m * h.stride(), 1), *keys = b.data(slots * width, 2), *values = b.data(slots * width, 3);
  float* out = b.data(m * h.out(), 4);
  std::vector<KvSpan> prefix, owns;
  for (int32_t i = 0; i < m; i++) {
    prefix.push_back({m * own + i / share * prompt, prompt});
    owns.push_back({i * own, own});
  }
  DecodeView view = {};
  view.rows = m, view.prefix = prefix.data(), view.own = owns.data();
  const AttentionShape shape = {h.heads, h.kv_heads, h.head_dim, 0, 1.0f / std::sqrt(static_cast<float>(h.head_dim))};
  const double pairs = static_cast<double>(m * (prompt + own));
  b.time("m=" + std::to_string(m) + ", " + std::to_string(share) + " per prompt of " + std::to_string(prompt) +
             ", own " + std::to_string(own),
         4.0 * static_cast<double>(h.out()) * pairs, 8.0 * static_cast<double>(slots * width), m, [&] {
           b.kernels().attention_decode(b.exec(), {&view, shape, qkv, keys, values, out});
         });
}

static const Registration timings_of_attention_decode([] {
  add_bench("attention_decode", [](Bench& b) {
    decode(b, 1, 1, 128, 128);
    decode(b, 1, 1, 0, 2048);
    decode(b, 32, 1, 128, 128);
    decode(b, 32, 8, 128, 128);
    decode(b, 32, 8, 512, 128);
  });
});

}  // namespace test
}  // namespace spar
