// Tests of copy: see tests/op_case.h.
#include <algorithm>

#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

// t distinct rows of m, in a mixed order.
const int32_t* some_rows(Check& c, int64_t t, int64_t m) {
  const int32_t* key = c.ids(m, 3, 1 << 30);
  std::vector<int32_t> order(static_cast<size_t>(m));
  for (int64_t i = 0; i < m; i++) order[static_cast<size_t>(i)] = static_cast<int32_t>(i);
  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return key[a] != key[b] ? key[a] < key[b] : a < b; });
  int32_t* index = static_cast<int32_t*>(c.raw(t * 4));
  std::copy(order.begin(), order.begin() + t, index);
  return index;
}

void gather(Check& c, int64_t t, int64_t m, int64_t width) {
  const float* x = c.input(m * width, 1);
  const int32_t *index = some_rows(c, t, m), *rows = c.rows(t);
  for (int32_t n : kThreadCounts) {
    float* out = c.output(t * width);
    c.kernels().gather(c.exec(n), {rows, index, x, out, width});
    for (int64_t i = 0; i < t; i++) c.same_bits("row", out + i * width, x + index[i] * width, width);
  }
}

void scatter(Check& c, int64_t t, int64_t m, int64_t width) {
  const float* x = c.input(t * width, 1);
  const int32_t *mixed = some_rows(c, t, m), *rows = c.rows(t), *out_rows = c.rows(m);
  int32_t* index = static_cast<int32_t*>(c.raw(t * 4));
  std::partial_sort_copy(mixed, mixed + t, index, index + t);
  std::vector<float> want(static_cast<size_t>(m * width), 0.0f);
  for (int64_t i = 0; i < t; i++) std::copy(x + i * width, x + (i + 1) * width, want.begin() + index[i] * width);
  for (int32_t n : kThreadCounts) {
    float* out = c.output(m * width);
    c.kernels().scatter(c.exec(n), {rows, index, out_rows, x, out, width});
    c.same_bits("out", out, want.data(), m * width);
  }
}

void rest_not_zeroed(const Exec& e, const Scatter& a) {
  const float old = a.out[0];
  genuine().scatter(e, a);
  if (a.out[0] == 0) a.out[0] = old;
}
void wrong_row(const Exec& e, const Gather& a) {
  const int32_t one = 1;
  genuine().gather(e, a);
  if (*a.rows > 1) genuine().gather(e, {&one, a.index + 1, a.x, a.out, a.c});
}

const Registration cases([] {
  for (int64_t m : {1, 2, 17, 63, 65, 129}) {
    for (int64_t width : {1, 7, 16, 33, 576}) {
      for (int64_t t : {int64_t{0}, (m + 1) / 2, m}) {
        const std::string name = "t=" + std::to_string(t) + ",m=" + std::to_string(m) + ",c=" + std::to_string(width);
        add_case("copy", "gather " + name, [=](Check& c) { gather(c, t, m, width); });
        add_case("copy", "scatter " + name, [=](Check& c) { scatter(c, t, m, width); });
      }
    }
  }
  add_planted("copy", "scatter leaves old values", [](OpTable& t) { t.scatter = rest_not_zeroed; });
  add_planted("copy", "gather takes a wrong row", [](OpTable& t) { t.gather = wrong_row; });
});

}  // namespace
}  // namespace test
}  // namespace spar
