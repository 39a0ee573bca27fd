// Timings of linear at the shapes (N, K) of three models: the fused projections of attention, its
// output, gate and up, down, and the head; for a training batch and for decode.
#include <initializer_list>
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
  const double masters = 4.0 * static_cast<double>(n * k);
  b.time(label("prepare", 0, n, k, precision), 0, masters + 2 * bytes, 0,
         [&] { b.kernels().linear_prepare(exec, {w}); });
  constexpr int32_t kBatch = 512;
  float *x = b.data(kBatch * k, 4), *y = b.data(kBatch * n, 5);
  for (int32_t m : {1, 2, 4, 8, 16, 32, 64, kBatch})
    b.time(label("forward", m, n, k, precision), 2.0 * m * static_cast<double>(n * k), bytes, 0, [&] {
      b.kernels().linear_forward(exec, {&m, x, w, nullptr, y});
    });
  const int32_t m = kBatch;
  float* dw = b.data(n * k, 6);
  const double flops = 2.0 * m * static_cast<double>(n * k);
  b.time(label("backward_input", m, n, k, precision), flops, bytes, 0, [&] {
    b.kernels().linear_backward_input(exec, {&m, y, w, x, 0});
  });
  b.time(label("backward_weight", m, n, k, precision), flops, 2 * masters, 0, [&] {
    b.kernels().linear_backward_weight(exec, {&m, y, x, dw, nullptr, n, k});
  });
  b.release();
}

struct Shape {
  int64_t n, k;
};

static void model(Bench& b, std::initializer_list<Shape> shapes) {
  for (const int32_t precision : {SPAR_FP32, SPAR_BF16})
    for (const Shape& s : shapes) products(b, s.n, s.k, precision);
}

static const Registration timings_of_linear([] {
  add_bench("linear", [](Bench& b) { model(b, {{960, 576}, {576, 576}, {3072, 576}, {576, 1536}, {49152, 576}}); });
  add_bench("linear/Qwen2.5-0.5B", [](Bench& b) {
    model(b, {{1152, 896}, {896, 896}, {9728, 896}, {896, 4864}, {151936, 896}});
  });
  add_bench("linear/Llama-3.2-1B", [](Bench& b) {
    model(b, {{3072, 2048}, {2048, 2048}, {16384, 2048}, {2048, 8192}, {128256, 2048}});
  });
});

}  // namespace test
}  // namespace spar
