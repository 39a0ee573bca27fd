// Timings of grad_norm over the gradients of SmolLM2-135M.
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_grad_norm([] {
  add_bench("grad_norm", [](Bench& b) {
    const int64_t count = 134500000;  // SmolLM2-135M
    const float* grad = b.data(count, 1);
    std::vector<double> partial(static_cast<size_t>(count / kGradBlock + 1));
    double sum;
    b.time("134.5 M gradients", 2.0 * static_cast<double>(count), 4.0 * static_cast<double>(count), 0, [&] {
      b.kernels().grad_norm(b.exec(), {grad, count, partial.data(), &sum});
    });
  });
});

}  // namespace test
}  // namespace spar
