// Timings of sample over a vocabulary of 49152 with every kind of filter.
#include <string>
#include <vector>

#include "tests/op_case.h"

namespace spar {
namespace test {

static void draws(Bench& b, const char* name, const SampleParams& params, bool flat = false) {
  const int32_t rows = 16;
  const int64_t v = 49152;
  float *z = b.data(rows * v, 1), *logp = b.data(rows, 2), *scratch = b.data(rows * 2 * v, 3);
  for (int64_t i = 0; i < rows * v; i++) z[i] = flat ? z[i] : 10 * z[i] * z[i] * z[i];  // else a few ids stand out
  std::vector<SampleParams> all(static_cast<size_t>(rows), params);
  std::vector<int32_t> token(static_cast<size_t>(rows));
  b.time(name, 10.0 * rows * static_cast<double>(v), 4.0 * rows * static_cast<double>(v), rows, [&] {
    b.kernels().sample(b.exec(), {&rows, z, all.data(), token.data(), logp, scratch, v});
  });
}

static const Registration timings_of_sample([] {
  add_bench("sample", [](Bench& b) {
    draws(b, "greedy", {0, 1, 0, 0, 0.5});
    draws(b, "no filter", {1, 1, 0, 0, 0.5});
    draws(b, "no filter, temperature 0.8", {0.8f, 1, 0, 0, 0.5});
    draws(b, "top_k=40", {1, 1, 0, 40, 0.5});
    draws(b, "top_p=0.9", {1, 0.9f, 0, 0, 0.5});
    draws(b, "top_p=0.9, flat", {1, 0.9f, 0, 0, 0.5}, true);
    draws(b, "min_p=0.05", {1, 1, 0.05f, 0, 0.5});
    draws(b, "top_k=1000,top_p=0.95", {0.8f, 0.95f, 0, 1000, 0.5});
  });
});

}  // namespace test
}  // namespace spar
