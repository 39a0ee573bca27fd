// Slopes by finite differences, in double: the check of backward formulas that shares nothing with
// the kernels or their reference.
#pragma once
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

inline std::vector<double> widened(const float* x, int64_t count) { return std::vector<double>(x, x + count); }

// Compares grad[i] with d loss / d x[i]. The fourth-order difference is good to about 1e-10, a
// float kernel to 1e-5 of the largest slope; a wrong formula misses by far more.
inline void same_slopes(Check& c, const char* what, const float* grad, std::vector<double>& x,
                        const std::function<double()>& loss) {
  constexpr double h = 1e-3;
  std::vector<double> slope(x.size());
  double size = 0;
  for (size_t i = 0; i < x.size(); i++) {
    const double at = x[i];
    auto value = [&](double step) {
      x[i] = at + step;
      return loss();
    };
    slope[i] = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h);
    x[i] = at;
    size = std::fmax(size, std::fabs(slope[i]));
  }
  for (size_t i = 0; i < x.size(); i++)
    c.expect(std::fabs(grad[i] - slope[i]) <= 1e-5 * size, "%s: element %zu is %.9g, the slope is %.9g", what, i,
             static_cast<double>(grad[i]), slope[i]);
}

}  // namespace test
}  // namespace spar
