// Timings of attention_decode in bf16 precision at the heads of SmolLM2-135M, Qwen2.5-0.5B and
// Llama-3.2-1B. Bytes are those of the keys and values that are there, each counted once.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/attention/test_batch.h"

namespace spar {
namespace test {

// m sequences of `own` tokens each, `share` of them behind one prompt of `prompt` tokens. Layers
// follow one another in memory, so that none is in a cache.
static void decode(Bench& b, Heads h, int32_t m, int32_t share, int64_t prompt, int64_t own, int32_t precision) {
  const int64_t width = h.kv_heads * h.head_dim, slots = pool_slots(m * own + (m + share - 1) / share * prompt);
  const int64_t layer = slots * width * pool_element_bytes(precision),
                layers = std::max<int64_t>(1, (24 << 20) / layer);
  const float* qkv = b.data(m * h.stride(), 1);
  float *pool = b.data(layers * layer / 2, 2), *out = b.data(m * h.out(), 4);
  if (precision == SPAR_BF16)  // two in a word, both normal numbers
    for (int64_t i = 0; i < layers * layer / 2; i++) {
      const uint32_t word = 0x3f003f00u + static_cast<uint32_t>(i % 97) * 0x10001u;
      std::memcpy(pool + i, &word, 4);
    }
  std::vector<KvSpan> prefix, owns;
  for (int32_t i = 0; i < m; i++) {
    prefix.push_back({m * own + i / share * prompt, prompt});
    owns.push_back({i * own, own});
  }
  DecodeView view = {};
  view.rows = m, view.prefix = prefix.data(), view.own = owns.data();
  const AttentionShape shape = {h.heads, h.kv_heads, h.head_dim, 0, 1.0f / std::sqrt(static_cast<float>(h.head_dim))};
  const double pairs = static_cast<double>(m * (prompt + own));
  int64_t turn = 0;
  b.time(precision_name(precision) + h.name() + " m=" + std::to_string(m) + ", " + std::to_string(share) +
             " per prompt of " + std::to_string(prompt) + ", own " + std::to_string(own),
         4.0 * static_cast<double>(h.out()) * pairs, 2.0 * static_cast<double>(layer), m, [&] {
           char* keys = reinterpret_cast<char*>(pool) + turn++ % layers * 2 * layer;
           b.kernels().attention_decode(b.exec(precision), {&view, shape, qkv, {keys, keys + layer, slots}, out});
         });
}

static const Registration timings_of_attention_decode([] {
  add_bench("attention_decode", [](Bench& b) {
    const Heads smol = {9, 3, 64}, qwen = {14, 2, 64}, llama = {32, 8, 64};
    decode(b, smol, 32, 1, 64, 64, SPAR_FP32);
    for (Heads h : {smol, qwen, llama}) {
      decode(b, h, 1, 1, 0, 128, SPAR_BF16);
      decode(b, h, 8, 1, 64, 64, SPAR_BF16);
      decode(b, h, 32, 1, 0, 64, SPAR_BF16);
      decode(b, h, 32, 1, 64, 64, SPAR_BF16);
      decode(b, h, 32, 1, 256, 256, SPAR_BF16);
      decode(b, h, 32, 8, 256, 128, SPAR_BF16);
    }
  });
});

}  // namespace test
}  // namespace spar
