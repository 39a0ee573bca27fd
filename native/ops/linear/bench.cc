// Timings of linear at the shapes of a 135 M model: (K, N) of a projection, of the feed-forward and
// of the head, for a training batch and for decode.
#include <string>

#include "tests/op_case.h"

namespace spar {
namespace test {

static std::string label(const char* what, int64_t m, int64_t n, int64_t k, int32_t precision) {
  return std::string(what) + (precision == SPAR_BF16 ? " bf16 m=" : " fp32 m=") + std::to_string(m) +
         ",n=" + std::to_string(n) + ",k=" + std::to_string(k);
}

static void products(Bench& b, int64_t n, int64_t k, int32_t precision) {
  const Exec exec = b.exec(precision);
  PackedWeight w = {b.data(n * k, 1), nullptr, nullptr, n, k};
  const double bytes = static_cast<double>(b.kernels().linear_packed_bytes(n, k, precision, 0));
  w.forward = b.data(static_cast<int64_t>(bytes / 4), 2);
  w.backward = b.data(b.kernels().linear_packed_bytes(n, k, precision, 1) / 4, 3);
  b.time(label("prepare", 0, n, k, precision), 0, 3 * bytes, 0, [&] { b.kernels().linear_prepare(exec, {w}); });
  for (int32_t m : {1, 8, 32, 512}) {
    const float* x = b.data(m * k, 4);
    float* y = b.data(m * n, 5);
    b.time(label("forward", m, n, k, precision), 2.0 * m * static_cast<double>(n * k), bytes, 0, [&] {
      b.kernels().linear_forward(exec, {&m, x, w, nullptr, y});
    });
  }
}

static void gradients(Bench& b, int64_t n, int64_t k) {
  const int32_t m = 512;
  const Exec exec = b.exec();
  PackedWeight w = {b.data(n * k, 1), nullptr, nullptr, n, k};
  w.forward = b.data(b.kernels().linear_packed_bytes(n, k, SPAR_FP32, 0) / 4, 2);
  w.backward = b.data(b.kernels().linear_packed_bytes(n, k, SPAR_FP32, 1) / 4, 3);
  b.kernels().linear_prepare(exec, {w});
  const float *dy = b.data(m * n, 4), *x = b.data(m * k, 5);
  float *dx = b.data(m * k, 6), *dw = b.data(n * k, 7);
  const double flops = 2.0 * m * static_cast<double>(n * k);
  b.time(label("backward_input", m, n, k, SPAR_FP32), flops, 4.0 * static_cast<double>(n * k), 0, [&] {
    b.kernels().linear_backward_input(exec, {&m, dy, w, dx, 0});
  });
  b.time(label("backward_weight", m, n, k, SPAR_FP32), flops, 8.0 * static_cast<double>(n * k), 0, [&] {
    b.kernels().linear_backward_weight(exec, {&m, dy, x, dw, nullptr, n, k});
  });
}

static const Registration timings_of_linear([] {
  add_bench("linear", [](Bench& b) {
    products(b, 1536, 576, SPAR_FP32);
    products(b, 576, 576, SPAR_FP32);
    products(b, 576, 1536, SPAR_FP32);
    products(b, 49152, 576, SPAR_FP32);
    products(b, 1536, 576, SPAR_BF16);
    products(b, 49152, 576, SPAR_BF16);
    gradients(b, 1536, 576);
    gradients(b, 576, 576);
    gradients(b, 576, 1536);
  });
});

}  // namespace test
}  // namespace spar
