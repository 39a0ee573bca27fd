// Timings of grad_norm at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_grad_norm([] {
  add_bench("grad_norm", [](Bench& b) {
    const int64_t count = 30000000;
    const float* grad = b.data(count, 1);
    std::vector<double> partial(static_cast<size_t>(count / kGradBlock + 1));
    double sum;
    b.time("30 M gradients", 2.0 * static_cast<double>(count), 4.0 * static_cast<double>(count), 0, [&] {
      b.kernels().grad_norm(b.exec(), {grad, count, partial.data(), &sum});
    });
  });
});

}  // namespace test
}  // namespace spar
