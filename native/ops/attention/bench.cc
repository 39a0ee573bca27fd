// Timings of attention at the shapes of a 135 M model (H = 9, G = 3, D = 64) and at D = 128. FLOPs
// are those of the visible pairs.
#include <cmath>

#include "ops/attention/test_batch.h"

namespace spar {
namespace test {

static double visible_pairs(const Layout& l) {
  double pairs = 0;
  for (int32_t p : l.position) pairs += p + 1;
  return pairs;
}

static void both(Bench& b, const std::string& name, const Layout& l, Heads h) {
  const int64_t rows = l.rows(), D = h.head_dim;
  const BatchView view = l.view();
  const AttentionShape shape = {h.heads, h.kv_heads, h.head_dim, 0, 1.0f / std::sqrt(static_cast<float>(D))};
  const float *qkv = b.data(rows * h.stride(), 1), *dout = b.data(rows * h.out(), 2);
  float *out = b.data(rows * h.out(), 3), *lse = b.data(rows * h.heads, 4), *dqkv = b.data(rows * h.stride(), 5);
  const double flops = 4.0 * static_cast<double>(h.out()) * visible_pairs(l);
  const double bytes = 4.0 * static_cast<double>(rows * (h.stride() + h.out()));
  b.time("forward " + name + "," + h.name(), flops, bytes, rows, [&] {
    b.kernels().attention_forward(b.exec(), {&view, shape, qkv, out, lse});
  });
  b.time("backward " + name + "," + h.name(), 2.5 * flops, 2 * bytes, rows, [&] {
    b.kernels().attention_backward(b.exec(), {&view, shape, qkv, out, lse, dout, dqkv});
  });
}

static const Registration timings_of_attention([] {
  add_bench("attention", [](Bench& b) {
    const Heads smol = {9, 3, 64}, wide = {8, 2, 128};
    Layout groups;
    for (int32_t i = 0; i < 8; i++) groups.add(-1, 64).add(3 * i, 128).add(3 * i, 128);
    both(b, "512 rows", group(0, {512}), smol);
    both(b, "2048 rows", group(0, {2048}), smol);
    both(b, "8 groups of 64 + 2 x 128", groups, smol);
    both(b, "512 rows", group(0, {512}), wide);
  });
});

}  // namespace test
}  // namespace spar
