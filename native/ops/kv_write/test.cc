// Tests of kv_write: see tests/op_case.h.
#include <cstring>

#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

void write(Check& c, int64_t m, int32_t heads, int32_t kv_heads, int32_t head_dim) {
  const int64_t width = kv_heads * head_dim, stride = (heads + 2 * kv_heads) * head_dim, pool = 3 * m + 2;
  const float* qkv = c.input(m * stride, 1);
  int64_t* slot = static_cast<int64_t*>(c.raw(m * 8));
  for (int64_t i = 0; i < m; i++) slot[i] = (i * 3 + 1) % pool;
  DecodeView view = {};
  view.rows = static_cast<int32_t>(m);
  view.slot = slot;
  for (int32_t n : kThreadCounts) {
    float *keys = c.output(pool * width), *values = c.output(pool * width);
    float *want_keys = c.output(pool * width), *want_values = c.output(pool * width);
    for (int64_t i = 0; i < m; i++) {
      std::memcpy(want_keys + slot[i] * width, qkv + i * stride + heads * head_dim, static_cast<size_t>(width) * 4);
      std::memcpy(want_values + slot[i] * width, qkv + i * stride + heads * head_dim + width,
                  static_cast<size_t>(width) * 4);
    }
    c.kernels().kv_write(c.exec(n), {&view, heads, kv_heads, head_dim, qkv, keys, values});
    c.same_bits("keys", keys, want_keys, pool * width);
    c.same_bits("values", values, want_values, pool * width);
  }
}

void swapped(const Exec& e, const KvWrite& a) {
  genuine().kv_write(e, {a.decode, a.heads, a.kv_heads, a.head_dim, a.qkv, a.values, a.keys});
}
void neighbour_slot_touched(const Exec& e, const KvWrite& a) {
  genuine().kv_write(e, a);
  if (a.decode->rows > 0) a.keys[(a.decode->slot[0] + 1) * a.kv_heads * a.head_dim] = 0;
}

const Registration cases([] {
  for (int64_t m : {0, 1, 2, 17, 63, 65, 129}) {
    add_case("kv_write", "m=" + std::to_string(m) + ",h=9,g=3,d=64", [=](Check& c) { write(c, m, 9, 3, 64); });
    add_case("kv_write", "m=" + std::to_string(m) + ",h=1,g=1,d=2", [=](Check& c) { write(c, m, 1, 1, 2); });
    add_case("kv_write", "m=" + std::to_string(m) + ",h=4,g=2,d=10", [=](Check& c) { write(c, m, 4, 2, 10); });
  }
  add_planted("kv_write", "keys and values swapped", [](OpTable& t) { t.kv_write = swapped; });
  add_planted("kv_write", "a neighbour's slot written", [](OpTable& t) { t.kv_write = neighbour_slot_touched; });
});

}  // namespace
}  // namespace test
}  // namespace spar
