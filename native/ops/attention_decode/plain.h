// attention_decode/op.h as plain loops in the precision Real: double is the reference, float the yardstick that
// the kernels' errors are measured with.
#pragma once
#include <cmath>
#include <vector>

#include "ops/attention_decode/op.h"
#include "ops/kv_write/plain.h"

namespace spar {
namespace plain {

template <class Real>
void attention_decode(const Exec& exec, const AttentionDecode& a) {
  const int64_t H = a.shape.heads, G = a.shape.kv_heads, D = a.shape.head_dim;
  for (int64_t m = 0; m < a.decode->rows; m++) {
    std::vector<int64_t> slots;
    for (const KvSpan& span : {a.decode->prefix[m], a.decode->own[m]})
      for (int64_t i = 0; i < span.count; i++) slots.push_back(span.first + i);
    size_t first = 0;
    if (a.shape.window > 0 && slots.size() > static_cast<size_t>(a.shape.window))
      first = slots.size() - static_cast<size_t>(a.shape.window);
    for (int64_t h = 0; h < H; h++) {
      const float* q = a.qkv + m * (H + 2 * G) * D + h * D;
      const int64_t g = h * G / H;
      const auto key = [&](int64_t slot, int64_t c) {
        return get(a.pool.keys, key_index(a.pool, exec.precision, D, g, slot, c), exec.precision);
      };
      const auto value = [&](int64_t slot, int64_t c) {
        return get(a.pool.values, value_index(a.pool, D, g, slot, c), exec.precision);
      };
      std::vector<Real> score(slots.size(), Real(0)), out(static_cast<size_t>(D), Real(0));
      Real mx = -INFINITY, sum = 0;
      for (size_t i = first; i < slots.size(); i++) {
        for (int64_t d = 0; d < D; d++) score[i] += Real(q[d]) * key(slots[i], d);
        score[i] *= a.shape.scale;
        mx = std::fmax(mx, score[i]);
      }
      for (size_t i = first; i < slots.size(); i++) {
        const Real p = std::exp(score[i] - mx);
        sum += p;
        for (int64_t d = 0; d < D; d++) out[static_cast<size_t>(d)] += p * value(slots[i], d);
      }
      for (int64_t d = 0; d < D; d++)
        a.out[(m * H + h) * D + d] = static_cast<float>(out[static_cast<size_t>(d)] / sum);
    }
  }
}

}  // namespace plain
}  // namespace spar
