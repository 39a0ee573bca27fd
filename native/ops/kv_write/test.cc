// Tests of kv_write: see tests/op_case.h.
#include <cstring>

#include "ops/kv_write/plain.h"
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

void write(Check& c, int64_t m, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t precision) {
  const int64_t width = kv_heads * head_dim, stride = (heads + 2 * kv_heads) * head_dim;
  const int64_t slots = pool_slots(3 * m + 2), bytes = slots * width * pool_element_bytes(precision);
  const float* qkv = c.input(m * stride, 1);
  int64_t* slot = static_cast<int64_t*>(c.raw(m * 8));
  for (int64_t i = 0; i < m; i++) slot[i] = (i * 3 + 1) % (3 * m + 2);
  DecodeView view = {};
  view.rows = static_cast<int32_t>(m);
  view.slot = slot;
  for (int32_t n : kThreadCounts) {
    const KvPool got = {c.raw(bytes), c.raw(bytes), slots}, want = {c.raw(bytes), c.raw(bytes), slots};
    plain::kv_write(c.exec(1, precision), {&view, heads, kv_heads, head_dim, qkv, want});
    c.kernels().kv_write(c.exec(n, precision), {&view, heads, kv_heads, head_dim, qkv, got});
    c.expect(std::memcmp(got.keys, want.keys, static_cast<size_t>(bytes)) == 0, "keys differ");
    c.expect(std::memcmp(got.values, want.values, static_cast<size_t>(bytes)) == 0, "values differ");
  }
}

// The layout that pool.h tells, from its indices: every element of the pool is named once.
void layout(Check& c, int32_t precision) {
  const int64_t G = 2, D = 6, slots = 32;
  const KvPool pool = {nullptr, nullptr, slots};
  std::vector<int> keys(static_cast<size_t>(G * D * slots)), values(keys);
  for (int64_t g = 0; g < G; g++)
    for (int64_t slot = 0; slot < slots; slot++)
      for (int64_t i = 0; i < D; i++) {
        keys[static_cast<size_t>(key_index(pool, precision, D, g, slot, i))]++;
        values[static_cast<size_t>(value_index(pool, D, g, slot, i))]++;
      }
  for (size_t i = 0; i < keys.size(); i++) c.expect(keys[i] == 1 && values[i] == 1, "element %zu", i);
  const int64_t second = key_index(pool, precision, D, 1, 17, 3), bf16 = 16 * D * 3 + 32 + 2 + 1;
  c.expect(second == (precision == SPAR_BF16 ? bf16 : 16 * D * 3 + 3 * 16 + 1), "key index is %lld",
           static_cast<long long>(second));
}

void swapped(const Exec& e, const KvWrite& a) {
  genuine().kv_write(e, {a.decode, a.heads, a.kv_heads, a.head_dim, a.qkv, {a.pool.values, a.pool.keys, a.pool.slots}});
}
void neighbour_slot_touched(const Exec& e, const KvWrite& a) {
  genuine().kv_write(e, a);
  if (a.decode->rows == 0) return;
  plain::put(a.pool.keys, key_index(a.pool, e.precision, a.head_dim, 0, a.decode->slot[0] + 1, 0), 0, e.precision);
}

const Registration cases([] {
  for (int32_t precision : {SPAR_FP32, SPAR_BF16}) {
    const std::string name = precision == SPAR_BF16 ? "bf16 " : "";
    for (int64_t m : {0, 1, 2, 17, 63, 65, 129}) {
      const std::string rows = name + "m=" + std::to_string(m);
      add_case("kv_write", rows + ",h=9,g=3,d=64", [=](Check& c) { write(c, m, 9, 3, 64, precision); });
      add_case("kv_write", rows + ",h=1,g=1,d=2", [=](Check& c) { write(c, m, 1, 1, 2, precision); });
      add_case("kv_write", rows + ",h=4,g=2,d=10", [=](Check& c) { write(c, m, 4, 2, 10, precision); });
    }
    add_case("kv_write", name + "layout", [=](Check& c) { layout(c, precision); });
  }
  add_planted("kv_write", "keys and values swapped", [](OpTable& t) { t.kv_write = swapped; });
  add_planted("kv_write", "a neighbour's slot written", [](OpTable& t) { t.kv_write = neighbour_slot_touched; });
});

}  // namespace
}  // namespace test
}  // namespace spar
