// Tests of rope: see tests/op_case.h.
#include <cmath>

#include "ops/norm/op.h"
#include "ops/rope/plain.h"
#include "tests/op_case.h"
#include "tests/slope.h"

namespace spar {
namespace test {
namespace {

constexpr int32_t kPositions = 50;

struct Shape {
  int64_t m;
  int32_t heads, kv_heads, head_dim;
  bool qk_norm;

  int64_t width() const { return (heads + 2 * kv_heads) * head_dim; }
  std::string name() const {
    return "m=" + std::to_string(m) + ",h=" + std::to_string(heads) + ",g=" + std::to_string(kv_heads) +
           ",d=" + std::to_string(head_dim) + (qk_norm ? ",qk_norm" : "");
  }
};

RopeShape tables(Check& c, const Shape& s) {
  const int64_t half = s.head_dim / 2;
  float *cos = c.output(kPositions * half), *sin = c.output(kPositions * half);
  for (int64_t p = 0; p < kPositions; p++)
    for (int64_t i = 0; i < half; i++) {
      const double angle =
          static_cast<double>(p) * std::pow(100.0, -static_cast<double>(i) / static_cast<double>(half));
      cos[p * half + i] = static_cast<float>(std::cos(angle));
      sin[p * half + i] = static_cast<float>(std::sin(angle));
    }
  const float* q_norm = s.qk_norm ? c.input(s.head_dim, 8, 0.5f, 1.5f) : nullptr;
  const float* k_norm = s.qk_norm ? c.input(s.head_dim, 9, 0.5f, 1.5f) : nullptr;
  return {s.heads, s.kv_heads, s.head_dim, cos, sin, q_norm, k_norm, 1e-6f};
}

void forward(Check& c, Shape s) {
  const int64_t count = s.m * s.width();
  const RopeShape shape = tables(c, s);
  const float* qkv = c.input(count, 1);
  const int32_t *rows = c.rows(s.m), *position = c.ids(s.m, 2, kPositions);
  float *out = c.output(count), *truth = c.output(count), *yardstick = c.output(count);
  c.kernels().rope_forward(c.exec(2), {rows, position, shape, qkv, out});
  c.reference().rope_forward(c.exec(1), {rows, position, shape, qkv, truth});
  plain::rope_forward<float>(c.exec(1), {rows, position, shape, qkv, yardstick});
  c.near("out", out, truth, yardstick, count);
  for (int32_t n : kThreadCounts) {
    float* again = c.copy(qkv, count);  // in place
    c.kernels().rope_forward(c.exec(n), {rows, position, shape, again, again});
    c.same_bits("out in place with other threads", again, out, count);
  }
  if (s.m == 0) return;
  const int64_t middle = s.m / 2;
  float* row = c.output(s.width());
  c.kernels().rope_forward(c.exec(1), {c.rows(1), position + middle, shape, qkv + middle * s.width(), row});
  c.same_bits("a row alone", row, out + middle * s.width(), s.width());
}

// In bf16 precision: the rounded results of fp32 precision, values included.
void rounded(Check& c, Shape s) {
  const int64_t count = s.m * s.width();
  const RopeShape shape = tables(c, s);
  const float* qkv = c.input(count, 1);
  const int32_t *rows = c.rows(s.m), *position = c.ids(s.m, 2, kPositions);
  float *want = c.output(count), *got = c.output(count), *in_place = c.copy(qkv, count);
  c.kernels().rope_forward(c.exec(2), {rows, position, shape, qkv, want});
  for (int64_t i = 0; i < count; i++) want[i] = from_bf16(to_bf16(want[i]));
  c.kernels().rope_forward(c.exec(2, SPAR_BF16), {rows, position, shape, qkv, got});
  c.same_bits("out in bf16 precision", got, want, count);
  c.kernels().rope_forward(c.exec(2, SPAR_BF16), {rows, position, shape, in_place, in_place});
  c.same_bits("out in place in bf16 precision", in_place, want, count);
}

struct Gradients {
  float *d, *dq_norm, *dk_norm, *partial;
};

void backward(Check& c, Shape s) {
  const int64_t count = s.m * s.width(), D = s.head_dim;
  const RopeShape shape = tables(c, s);
  const float *qkv = c.input(count, 1), *dout = c.input(count, 3), *old = c.input(2 * D, 4);
  const int32_t *rows = c.rows(s.m), *position = c.ids(s.m, 2, kPositions);
  auto start = [&]() -> Gradients {
    float* d = c.copy(dout, count);
    if (!s.qk_norm) return {d, nullptr, nullptr, nullptr};
    return {d, c.copy(old, D), c.copy(old + D, D), c.output((s.m + kNormRowBlock - 1) / kNormRowBlock * 2 * D)};
  };
  auto args = [&](Gradients g) {
    return RopeBackward{rows, position, shape, g.d, s.qk_norm ? qkv : nullptr, g.dq_norm, g.dk_norm, g.partial};
  };
  const Gradients got = start(), truth = start(), yardstick = start();
  c.kernels().rope_backward(c.exec(2), args(got));
  c.reference().rope_backward(c.exec(1), args(truth));
  plain::rope_backward<float>(c.exec(1), args(yardstick));
  c.near("d", got.d, truth.d, yardstick.d, count);
  if (s.qk_norm) c.near("dq_norm", got.dq_norm, truth.dq_norm, yardstick.dq_norm, D);
  if (s.qk_norm) c.near("dk_norm", got.dk_norm, truth.dk_norm, yardstick.dk_norm, D);
  for (int32_t n : kThreadCounts) {
    const Gradients again = start();
    c.kernels().rope_backward(c.exec(n), args(again));
    c.same_bits("d with other threads", again.d, got.d, count);
    if (s.qk_norm) c.same_bits("dq_norm with other threads", again.dq_norm, got.dq_norm, D);
    if (s.qk_norm) c.same_bits("dk_norm with other threads", again.dk_norm, got.dk_norm, D);
  }
}

// The head's channels after the norm, if there is one, and the rotation.
double channel(const double* u, const double* w, double rstd, const float* cos, const float* sin, int64_t half,
               int64_t i) {
  const int64_t low = i % half, high = low + half;
  const double a = u[low] * rstd * (w ? w[low] : 1), b = u[high] * rstd * (w ? w[high] : 1);
  return i < half ? a * cos[low] - b * sin[low] : b * cos[low] + a * sin[low];
}

void slopes(Check& c, Shape s) {
  const int64_t count = s.m * s.width(), D = s.head_dim, heads = s.heads + s.kv_heads;
  const RopeShape shape = tables(c, s);
  const float *qkv = c.input(count, 1), *dout = c.input(count, 3);
  const int32_t* position = c.ids(s.m, 2, kPositions);
  float *d = c.copy(dout, count), *dq = c.inout(D, 4, 0, 0), *dk = c.inout(D, 4, 0, 0);
  c.kernels().rope_backward(c.exec(2), {c.rows(s.m), position, shape, d, qkv, s.qk_norm ? dq : nullptr,
                                        s.qk_norm ? dk : nullptr, c.output((s.m / kNormRowBlock + 1) * 2 * D)});
  std::vector<double> x = widened(qkv, count), q_norm, k_norm;
  if (s.qk_norm) q_norm = widened(shape.q_norm, D), k_norm = widened(shape.k_norm, D);
  auto loss = [&] {
    double total = 0;
    for (int64_t m = 0; m < s.m; m++) {
      const float *cos = shape.cos + position[m] * D / 2, *sin = shape.sin + position[m] * D / 2;
      for (int64_t h = 0; h < heads + s.kv_heads; h++) {
        const int64_t at = m * s.width() + h * D;
        const double *u = x.data() + at, *w = !s.qk_norm ? nullptr : h < s.heads ? q_norm.data() : k_norm.data();
        double squares = 0;
        for (int64_t i = 0; i < D; i++) squares += u[i] * u[i];
        const double rstd = w ? 1 / std::sqrt(squares / static_cast<double>(D) + static_cast<double>(shape.eps)) : 1;
        for (int64_t i = 0; i < D; i++)
          total += dout[at + i] * (h < heads ? channel(u, w, rstd, cos, sin, D / 2, i) : u[i]);
      }
    }
    return total;
  };
  same_slopes(c, "d", d, x, loss);
  if (s.qk_norm) same_slopes(c, "dq_norm", dq, q_norm, loss);
  if (s.qk_norm) same_slopes(c, "dk_norm", dk, k_norm, loss);
}

void turned_backwards(const Exec& e, const RopeForward& a) {
  std::vector<float> sin(static_cast<size_t>(kPositions * a.shape.head_dim / 2));
  for (size_t i = 0; i < sin.size(); i++) sin[i] = -a.shape.sin[i];
  RopeForward b = a;
  b.shape.sin = sin.data();
  genuine().rope_forward(e, b);
}
void value_rotated(const Exec& e, const RopeForward& a) {
  RopeForward b = a;
  b.shape.heads += 2, b.shape.kv_heads -= 1;  // as wide a row, one head more to rotate
  genuine().rope_forward(e, b);
}
void values_not_rounded(const Exec& e, const RopeForward& a) {
  const int64_t values = a.shape.kv_heads * a.shape.head_dim, row = a.shape.heads * a.shape.head_dim + 2 * values;
  std::vector<float> in(a.qkv, a.qkv + *a.rows * row);
  genuine().rope_forward(e, a);
  for (int64_t m = 0; m < *a.rows; m++)
    for (int64_t i = (m + 1) * row - values; i < (m + 1) * row; i++) a.out[i] = in[static_cast<size_t>(i)];
}
void norm_gradient_lost(const Exec& e, const RopeBackward& a) {
  const float old = a.dk_norm ? a.dk_norm[0] : 0;
  genuine().rope_backward(e, a);
  if (a.dk_norm) a.dk_norm[0] = old;
}

const Registration cases([] {
  for (bool qk_norm : {false, true}) {
    for (int64_t m : {0, 1, 2, 17, 63, 65, 129}) {
      for (int32_t d : {2, 10, 64, 80, 128}) {
        const Shape s = {m, 3, 1, d, qk_norm};
        add_case("rope", "forward " + s.name(), [=](Check& c) { forward(c, s); });
        add_case("rope", "backward " + s.name(), [=](Check& c) { backward(c, s); });
        add_case("rope", "bf16 " + s.name(), [=](Check& c) { rounded(c, s); });
      }
    }
    const Shape wide = {17, 9, 3, 64, qk_norm}, equal = {3, 2, 2, 10, qk_norm};
    add_case("rope", "forward " + wide.name(), [=](Check& c) { forward(c, wide); });
    add_case("rope", "backward " + wide.name(), [=](Check& c) { backward(c, wide); });
    add_case("rope", "slopes " + equal.name(), [=](Check& c) { slopes(c, equal); });
  }
  add_planted("rope", "turned backwards", [](OpTable& t) { t.rope_forward = turned_backwards; });
  add_planted("rope", "a value head rotated", [](OpTable& t) { t.rope_forward = value_rotated; });
  add_planted("rope", "values not rounded", [](OpTable& t) { t.rope_forward = values_not_rounded; });
  add_planted("rope", "gradient of k_norm lost", [](OpTable& t) { t.rope_backward = norm_gradient_lost; });
});

}  // namespace
}  // namespace test
}  // namespace spar
