// Timings of attention at the heads of SmolLM2-135M, Qwen2.5-0.5B and Llama-3.2-1B, for batches of
// preference pairs and for long sequences. FLOPs are those of the visible pairs.
#include <cmath>

#include "ops/attention/test_batch.h"

namespace spar {
namespace test {

static double visible_pairs(const Layout& l) {
  double pairs = 0;
  for (int32_t p : l.position) pairs += p + 1;
  return pairs;
}

static void both(Bench& b, const std::string& name, const Layout& l, Heads h, int32_t precision) {
  const int64_t rows = l.rows(), D = h.head_dim;
  const BatchView view = l.view();
  const AttentionShape shape = {h.heads, h.kv_heads, h.head_dim, 0, 1.0f / std::sqrt(static_cast<float>(D))};
  float* qkv = b.data(rows * h.stride(), 1);
  if (precision == SPAR_BF16)
    for (int64_t i = 0; i < rows * h.stride(); i++) qkv[i] = from_bf16(to_bf16(qkv[i]));
  const float* dout = b.data(rows * h.out(), 2);
  float *out = b.data(rows * h.out(), 3), *lse = b.data(rows * h.heads, 4), *dqkv = b.data(rows * h.stride(), 5);
  const double flops = 4.0 * static_cast<double>(h.out()) * visible_pairs(l);
  const double bytes = 4.0 * static_cast<double>(rows * (h.stride() + h.out()));
  b.time(precision_name(precision) + "forward " + name + "," + h.name(), flops, bytes, rows, [&] {
    b.kernels().attention_forward(b.exec(precision), {&view, shape, qkv, out, lse});
  });
  b.time(precision_name(precision) + "backward " + name + "," + h.name(), 2.5 * flops, 2 * bytes, rows, [&] {
    b.kernels().attention_backward(b.exec(precision), {&view, shape, qkv, out, lse, dout, dqkv});
  });
}

static const Registration timings_of_attention([] {
  add_bench("attention", [](Bench& b) {
    const Heads smol = {9, 3, 64}, qwen = {14, 2, 64}, llama = {32, 8, 64};
    Layout w1, w2;
    for (int32_t i = 0; i < 4; i++) w1.add(-1, 64).add(3 * i, 192).add(3 * i, 192);
    for (int32_t i = 0; i < 2; i++) w2.add(-1, 256).add(3 * i, 256).add(3 * i, 256);
    for (int32_t precision : {SPAR_FP32, SPAR_BF16}) {
      for (Heads h : {smol, qwen, llama}) both(b, "4 x (64 + 2 x 192)", w1, h, precision);
      both(b, "2 x (256 + 2 x 256)", w2, smol, precision);
      both(b, "2048 rows", group(0, {2048}), smol, precision);
      both(b, "512 rows", group(0, {512}), Heads{8, 2, 128}, precision);
    }
  });
});

}  // namespace test
}  // namespace spar
