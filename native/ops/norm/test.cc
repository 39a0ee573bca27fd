// Tests of norm: see tests/op_case.h.
#include <cmath>

#include "ops/norm/plain.h"
#include "tests/op_case.h"
#include "tests/slope.h"

namespace spar {
namespace test {
namespace {

constexpr float kEps = 1e-5f;

void forward(Check& c, int64_t m, int64_t width, float size) {
  const float *x = c.input(m * width, 1, -size, size), *w = c.input(width, 2, 0.5f, 1.5f);
  const int32_t* rows = c.rows(m);
  const int64_t count = m * width;
  float *y = c.output(count), *truth = c.output(count), *yardstick = c.output(count);
  float *rstd = c.output(m), *true_rstd = c.output(m), *plain_rstd = c.output(m);
  c.kernels().norm_forward(c.exec(2), {rows, x, w, y, rstd, width, kEps});
  c.reference().norm_forward(c.exec(1), {rows, x, w, truth, true_rstd, width, kEps});
  plain::norm_forward<float>(c.exec(1), {rows, x, w, yardstick, plain_rstd, width, kEps});
  c.near("y", y, truth, yardstick, count);
  c.near("rstd", rstd, true_rstd, plain_rstd, m);
  for (int32_t n : kThreadCounts) {
    float *again = c.output(count), *again_rstd = c.output(m), *applied = c.output(count);
    c.kernels().norm_forward(c.exec(n), {rows, x, w, again, again_rstd, width, kEps});
    c.same_bits("y with other threads", again, y, count);
    c.same_bits("rstd with other threads", again_rstd, rstd, m);
    c.kernels().norm_apply(c.exec(n), {rows, x, w, rstd, applied, width});
    c.same_bits("norm_apply", applied, y, count);
  }
  if (m == 0) return;
  float *row = c.output(width), *row_rstd = c.output(1);
  c.kernels().norm_forward(c.exec(1), {c.rows(1), x + m / 2 * width, w, row, row_rstd, width, kEps});
  c.same_bits("a row alone", row, y + m / 2 * width, width);
}

struct Gradients {
  float *dx, *dw, *partial;
};

void backward(Check& c, int64_t m, int64_t width) {
  const float *x = c.input(m * width, 1), *w = c.input(width, 2, 0.5f, 1.5f), *dy = c.input(m * width, 3);
  const float *old_dx = c.input(m * width, 4), *old_dw = c.input(width, 5);
  const int32_t* rows = c.rows(m);
  float *y = c.output(m * width), *rstd = c.output(m);
  c.reference().norm_forward(c.exec(1), {rows, x, w, y, rstd, width, kEps});
  auto start = [&] {
    return Gradients{c.copy(old_dx, m * width), c.copy(old_dw, width),
                     c.output((m + kNormRowBlock - 1) / kNormRowBlock * width)};
  };
  auto args = [&](Gradients g) { return NormBackward{rows, dy, x, w, rstd, g.dx, g.dw, g.partial, width}; };
  const Gradients got = start(), truth = start(), yardstick = start();
  c.kernels().norm_backward(c.exec(2), args(got));
  c.reference().norm_backward(c.exec(1), args(truth));
  plain::norm_backward<float>(c.exec(1), args(yardstick));
  c.near("dx", got.dx, truth.dx, yardstick.dx, m * width);
  c.near("dw", got.dw, truth.dw, yardstick.dw, width);
  for (int32_t n : kThreadCounts) {
    const Gradients again = start();
    c.kernels().norm_backward(c.exec(n), args(again));
    c.same_bits("dx with other threads", again.dx, got.dx, m * width);
    c.same_bits("dw with other threads", again.dw, got.dw, width);
  }
}

void slopes(Check& c, int64_t m, int64_t width) {
  const float *x = c.input(m * width, 1), *w = c.input(width, 2, 0.5f, 1.5f), *dy = c.input(m * width, 3);
  const int32_t* rows = c.rows(m);
  float *y = c.output(m * width), *rstd = c.output(m), *dx = c.inout(m * width, 4, 0, 0), *dw = c.inout(width, 4, 0, 0);
  c.kernels().norm_forward(c.exec(1), {rows, x, w, y, rstd, width, kEps});
  c.kernels().norm_backward(c.exec(2),
                            {rows, dy, x, w, rstd, dx, dw, c.output((m / kNormRowBlock + 1) * width), width});
  std::vector<double> xs = widened(x, m * width), ws = widened(w, width);
  auto loss = [&] {
    double total = 0;
    for (int64_t i = 0; i < m; i++) {
      const double* row = xs.data() + i * width;
      double squares = 0, dot = 0;
      for (int64_t k = 0; k < width; k++) {
        squares += row[k] * row[k];
        dot += dy[i * width + k] * row[k] * ws[static_cast<size_t>(k)];
      }
      total += dot / std::sqrt(squares / static_cast<double>(width) + kEps);
    }
    return total;
  };
  same_slopes(c, "dx", dx, xs, loss);
  same_slopes(c, "dw", dw, ws, loss);
}

void eps_forgotten(const Exec& e, const NormForward& a) {
  NormForward b = a;
  b.eps = 0;
  genuine().norm_forward(e, b);
}
void dw_overwritten(const Exec& e, const NormBackward& a) {
  for (int64_t k = 0; k < a.c; k++) a.dw[k] = 0;
  genuine().norm_backward(e, a);
}
void last_block_lost(const Exec& e, const NormBackward& a) {
  const int32_t rows = static_cast<int32_t>(*a.rows > kNormRowBlock ? kNormRowBlock : *a.rows);
  NormBackward b = a;
  b.rows = &rows;
  genuine().norm_backward(e, b);
}

const Registration cases([] {
  for (int64_t m : {0, 1, 2, 17, 63, 64, 65, 129}) {
    for (int64_t width : {1, 7, 16, 33, 64, 80, 576}) {
      const std::string name = "m=" + std::to_string(m) + ",c=" + std::to_string(width);
      add_case("norm", "forward " + name, [=](Check& c) { forward(c, m, width, 1); });
      add_case("norm", "backward " + name, [=](Check& c) { backward(c, m, width); });
    }
  }
  add_case("norm", "forward small numbers", [](Check& c) { forward(c, 3, 100, 1e-3f); });
  add_case("norm", "slopes", [](Check& c) { slopes(c, 3, 37); });
  add_planted("norm", "eps forgotten", [](OpTable& t) { t.norm_forward = eps_forgotten; });
  add_planted("norm", "dw overwritten", [](OpTable& t) { t.norm_backward = dw_overwritten; });
  add_planted("norm", "rows behind the first block lost", [](OpTable& t) { t.norm_backward = last_block_lost; });
});

}  // namespace
}  // namespace test
}  // namespace spar
