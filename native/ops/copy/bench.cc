// Timings of copy at the shapes of a 135 M model (C = 576, H = 9, G = 3, D = 64, F = 1536).
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static const Registration timings_of_copy([] {
  add_bench("copy", [](Bench& b) {
    for (int32_t m : {512, 4096}) {
      const int64_t c = 576;
      const int32_t t = m / 2;
      std::vector<int32_t> index(static_cast<size_t>(t));
      for (int32_t i = 0; i < t; i++) index[static_cast<size_t>(i)] = 2 * i + 1;
      float *all = b.data(m * c, 1), *some = b.data(t * c, 2);
      const double bytes = 4.0 * static_cast<double>(t * c);
      b.time("gather t=" + std::to_string(t), 0, 2 * bytes, t, [&] {
        b.kernels().gather(b.exec(), {&t, index.data(), all, some, c});
      });
      b.time("scatter t=" + std::to_string(t), 0, 3 * bytes, t, [&] {
        b.kernels().scatter(b.exec(), {&t, index.data(), &m, some, all, c});
      });
    }
  });
});

}  // namespace test
}  // namespace spar
