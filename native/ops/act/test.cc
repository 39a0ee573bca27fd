// Tests of act: see tests/op_case.h.
#include <cmath>

#include "ops/act/plain.h"
#include "tests/op_case.h"
#include "tests/slope.h"

namespace spar {
namespace test {
namespace {

void forward(Check& c, int64_t m, int64_t f, float range) {
  const float* gate_up = c.input(m * 2 * f, 1, -range, range);
  const int32_t* rows = c.rows(m);
  float *h = c.output(m * f), *truth = c.output(m * f), *yardstick = c.output(m * f);
  c.kernels().act_forward(c.exec(2), {rows, gate_up, h, f});
  c.reference().act_forward(c.exec(1), {rows, gate_up, truth, f});
  plain::act_forward<float>(c.exec(1), {rows, gate_up, yardstick, f});
  c.near("h", h, truth, yardstick, m * f);
  for (int32_t n : kThreadCounts) {
    float* again = c.output(m * f);
    c.kernels().act_forward(c.exec(n), {rows, gate_up, again, f});
    c.same_bits("h with other threads", again, h, m * f);
  }
  if (m == 0) return;
  float* row = c.output(f);
  c.kernels().act_forward(c.exec(1), {c.rows(1), gate_up + (m / 2) * 2 * f, row, f});
  c.same_bits("a row alone", row, h + (m / 2) * f, f);
}

void backward(Check& c, int64_t m, int64_t f, float range) {
  const float *gate_up = c.input(m * 2 * f, 1, -range, range), *dh = c.input(m * f, 2);
  const int32_t* rows = c.rows(m);
  const int64_t count = m * 2 * f;
  struct Outputs {
    float *h, *d;
  };
  auto start = [&] { return Outputs{c.copy(dh, m * f), c.output(count)}; };
  const Outputs got = start(), truth = start(), yardstick = start();
  c.kernels().act_backward(c.exec(2), {rows, got.h, gate_up, got.d, f});
  c.reference().act_backward(c.exec(1), {rows, truth.h, gate_up, truth.d, f});
  plain::act_backward<float>(c.exec(1), {rows, yardstick.h, gate_up, yardstick.d, f});
  c.near("d_gate_up", got.d, truth.d, yardstick.d, count);
  float* h = c.output(m * f);
  c.kernels().act_forward(c.exec(2), {rows, gate_up, h, f});
  c.same_bits("h of both passes", got.h, h, m * f);
  for (int32_t n : kThreadCounts) {
    float *again = c.copy(gate_up, count), *again_h = c.copy(dh, m * f);  // in place
    c.kernels().act_backward(c.exec(n), {rows, again_h, again, again, f});
    c.same_bits("d_gate_up in place with other threads", again, got.d, count);
    c.same_bits("h with other threads", again_h, got.h, m * f);
  }
}

void slopes(Check& c, int64_t m, int64_t f) {
  const float *gate_up = c.input(m * 2 * f, 1, -4, 4), *dh = c.input(m * f, 2);
  float* d = c.output(m * 2 * f);
  c.kernels().act_backward(c.exec(2), {c.rows(m), c.copy(dh, m * f), gate_up, d, f});
  std::vector<double> x = widened(gate_up, m * 2 * f);
  same_slopes(c, "d_gate_up", d, x, [&] {
    double loss = 0;
    for (int64_t i = 0; i < m; i++)
      for (int64_t k = 0; k < f; k++) {
        const double g = x[static_cast<size_t>(i * 2 * f + k)], u = x[static_cast<size_t>(i * 2 * f + f + k)];
        loss += dh[i * f + k] * u * g / (1 + std::exp(-g));
      }
    return loss;
  });
}

// Gates at which exp(-g) overflows or vanishes still give finite numbers.
void extremes(Check& c) {
  const float gates[] = {-3e38f, -200, -104, -89, -88, -87.5f, -0.0f, 0, 1e-30f, 87, 89, 200, 3e38f};
  const int64_t f = sizeof gates / 4;
  float *gate_up = c.output(2 * f), *h = c.output(f), *d = c.output(2 * f), *dh = c.output(f);
  for (int64_t i = 0; i < f; i++) gate_up[i] = gates[i], gate_up[f + i] = 0.5f, dh[i] = 1;
  c.kernels().act_forward(c.exec(1), {c.rows(1), gate_up, h, f});
  c.kernels().act_backward(c.exec(1), {c.rows(1), dh, gate_up, d, f});
  for (int64_t i = 0; i < f; i++) {
    const double want = gates[i] / (1 + std::exp(-static_cast<double>(gates[i]))) * 0.5;
    c.expect(std::fabs(h[i] - want) <= 1e-6 * std::fabs(want) + 1e-36, "h(%g) is %g", static_cast<double>(gates[i]),
             static_cast<double>(h[i]));
    c.expect(std::isfinite(d[i]) && std::isfinite(d[f + i]), "gradients at %g: %g, %g", static_cast<double>(gates[i]),
             static_cast<double>(d[i]), static_cast<double>(d[f + i]));
  }
}

// The stated error of sigmoid, and one rounding of g sigmoid(g).
void sigmoid_error(Check& c) {
  const int64_t count = 20000;
  const double allowed = 2.5;
  for (float size : {0.0625f, 1.0f, 4.0f, 16.0f, 64.0f}) {
    const float* spread = c.input(count, 1, -1, 1);
    float *gate_up = c.output(2 * count), *h = c.output(count);
    for (int64_t i = 0; i < count; i++) gate_up[i] = size * spread[i], gate_up[count + i] = 1;
    c.kernels().act_forward(c.exec(1), {c.rows(1), gate_up, h, count});
    double largest = 0, at = 0;
    for (int64_t i = 0; i < count; i++) {
      const double g = gate_up[i], want = g / (1 + std::exp(-g));
      const double ulp = std::ldexp(1.0, std::ilogb(want) - 23), error = std::fabs(h[i] - want) / ulp;
      if (error > largest) largest = error, at = g;
    }
    c.expect(largest <= allowed + 1, "silu(%g) is off by %.2f ulp", at, largest);
  }
}

void gate_and_up_swapped(const Exec& e, const ActForward& a) {
  genuine().act_forward(e, a);
  if (*a.rows == 0) return;
  const float u = a.gate_up[0], g = a.gate_up[a.f];
  a.h[0] = g / (1 + std::exp(-g)) * u;
}
void h_not_left(const Exec& e, const ActBackward& a) {
  if (*a.rows == 0) return;
  const float dh = a.dh[0];
  genuine().act_backward(e, a);
  a.dh[0] = dh;
}
void second_term_forgotten(const Exec& e, const ActBackward& a) {
  if (*a.rows == 0) return;
  const float dh = a.dh[0], g = a.gate_up[0], u = a.gate_up[a.f];
  genuine().act_backward(e, a);
  a.d_gate_up[0] = dh * u / (1 + std::exp(-g));
}

const Registration cases([] {
  for (int64_t m : {0, 1, 2, 17, 63, 65, 129}) {
    for (int64_t f : {1, 7, 16, 33, 576}) {
      const std::string name = "m=" + std::to_string(m) + ",f=" + std::to_string(f);
      add_case("act", "forward " + name, [=](Check& c) { forward(c, m, f, 8); });
      add_case("act", "backward " + name, [=](Check& c) { backward(c, m, f, 8); });
    }
  }
  add_case("act", "forward wide range", [](Check& c) { forward(c, 3, 1536, 100); });
  add_case("act", "backward wide range", [](Check& c) { backward(c, 3, 1536, 100); });
  add_case("act", "error of the sigmoid", sigmoid_error);
  add_case("act", "slopes", [](Check& c) { slopes(c, 3, 19); });
  add_case("act", "extremes", extremes);
  add_planted("act", "gate and up swapped", [](OpTable& t) { t.act_forward = gate_and_up_swapped; });
  add_planted("act", "h not left in place of dh", [](OpTable& t) { t.act_backward = h_not_left; });
  add_planted("act", "derivative without its second term", [](OpTable& t) { t.act_backward = second_term_forgotten; });
});

}  // namespace
}  // namespace test
}  // namespace spar
