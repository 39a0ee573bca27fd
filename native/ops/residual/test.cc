// Tests of residual: see tests/op_case.h.
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

enum class Out { kOwn, kIsA, kIsB };

void add(Check& c, int64_t m, int64_t width, Out where) {
  const int64_t count = m * width;
  const float *a = c.input(count, 1), *b = c.input(count, 2);
  const int32_t* rows = c.rows(m);
  float* truth = c.output(count);
  c.reference().residual(c.exec(1), {rows, a, b, truth, width});
  for (int32_t n : kThreadCounts) {
    float* out = where == Out::kOwn ? c.output(count) : c.copy(where == Out::kIsA ? a : b, count);
    c.kernels().residual(c.exec(n), {rows, where == Out::kIsA ? out : a, where == Out::kIsB ? out : b, out, width});
    c.same_bits("out", out, truth, count);
  }
}

void tail_lost(const Exec& e, const Residual& a) {
  genuine().residual(e, a);
  if (*a.rows > 0) a.out[*a.rows * a.c - 1] = a.a[*a.rows * a.c - 1];
}

const Registration cases([] {
  for (int64_t m : {0, 1, 2, 17, 63, 65, 129}) {
    for (int64_t width : {1, 7, 16, 33, 576}) {
      const std::string name = "m=" + std::to_string(m) + ",c=" + std::to_string(width);
      add_case("residual", name, [=](Check& c) { add(c, m, width, Out::kOwn); });
      add_case("residual", name + ",out=a", [=](Check& c) { add(c, m, width, Out::kIsA); });
      add_case("residual", name + ",out=b", [=](Check& c) { add(c, m, width, Out::kIsB); });
    }
  }
  add_planted("residual", "last element lost", [](OpTable& t) { t.residual = tail_lost; });
});

}  // namespace
}  // namespace test
}  // namespace spar
