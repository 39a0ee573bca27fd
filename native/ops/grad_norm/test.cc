// Tests of grad_norm: see tests/op_case.h.
#include <cmath>

#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

double run(Check& c, const float* grad, int64_t count, int32_t num_threads) {
  double* partial = static_cast<double*>(c.raw((count + kGradBlock - 1) / kGradBlock * 8));
  double* sum = static_cast<double*>(c.raw(8));
  c.kernels().grad_norm(c.exec(num_threads), {grad, count, partial, sum});
  return *sum;
}

// A sum of count squares in double is within (count + 1) 2^-53 of the truth, whatever the order.
void sum(Check& c, int64_t count) {
  const float* grad = c.input(count, 1);
  long double truth = 0;
  for (int64_t i = 0; i < count; i++) truth += static_cast<long double>(grad[i]) * grad[i];
  const double got = run(c, grad, count, 2);
  c.expect(std::fabs(got - static_cast<double>(truth)) <=
               static_cast<double>(count + 1) * 0x1p-53 * static_cast<double>(truth),
           "sum is %.17g, truth %.17Lg", got, truth);
  for (int32_t n : kThreadCounts) c.expect(run(c, grad, count, n) == got, "%d threads give other bits", n);
}

void not_finite(Check& c, int64_t count, int64_t at) {
  float* grad = c.inout(count, 1);
  grad[at] = INFINITY;
  c.expect(std::isinf(run(c, grad, count, 2)), "an infinite gradient at %lld is lost", static_cast<long long>(at));
  grad[at] = NAN;
  c.expect(std::isnan(run(c, grad, count, 2)), "a NaN at %lld is lost", static_cast<long long>(at));
  grad[at] = 3e38f;
  c.expect(std::isfinite(run(c, grad, count, 2)), "the square of a large gradient at %lld overflows",
           static_cast<long long>(at));
}

void summed_in_float(const Exec& e, const GradNorm& a) {
  genuine().grad_norm(e, a);
  *a.sum = static_cast<float>(*a.sum);
}
void last_element_lost(const Exec& e, const GradNorm& a) {
  GradNorm b = a;
  b.count--;
  genuine().grad_norm(e, b);
}

const Registration cases([] {
  for (int64_t count : {int64_t{1}, int64_t{7}, int64_t{16}, int64_t{33}, int64_t{576}, kGradBlock - 1, kGradBlock,
                        kGradBlock + 1, 3 * kGradBlock + 17})
    add_case("grad_norm", "count=" + std::to_string(count), [=](Check& c) { sum(c, count); });
  for (int64_t at : {int64_t{0}, int64_t{40}, int64_t{99}, kGradBlock + 2})
    add_case("grad_norm", "not finite at " + std::to_string(at),
             [=](Check& c) { not_finite(c, at < 100 ? 100 : kGradBlock + 3, at); });
  add_planted("grad_norm", "sum in float", [](OpTable& t) { t.grad_norm = summed_in_float; });
  add_planted("grad_norm", "last element lost", [](OpTable& t) { t.grad_norm = last_element_lost; });
});

}  // namespace
}  // namespace test
}  // namespace spar
