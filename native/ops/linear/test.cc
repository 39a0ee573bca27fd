// Tests of linear: see tests/op_case.h.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "ops/linear/plain.h"
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

struct Shape {
  int64_t m, n, k;
  std::string name() const { return "m=" + std::to_string(m) + ",n=" + std::to_string(n) + ",k=" + std::to_string(k); }
};

// W [n, k] packed by `table`, in buffers of exactly linear_packed_bytes.
PackedWeight packed(Check& c, const OpTable& table, const float* master, int64_t n, int64_t k, int32_t precision,
                    bool gated = false) {
  PackedWeight w = {master,
                    c.raw(table.linear_packed_bytes(n, k, precision, 0)),
                    c.raw(table.linear_packed_bytes(n, k, precision, 1)),
                    n,
                    k,
                    gated};
  table.linear_prepare(c.exec(3, precision), {w});
  return w;
}

void forward(Check& c, Shape s, int32_t precision, bool with_bias) {
  const float *x = c.input(s.m * s.k, 1), *master = c.input(s.n * s.k, 2);
  const float* bias = with_bias ? c.input(s.n, 3) : nullptr;
  const PackedWeight w = packed(c, c.kernels(), master, s.n, s.k, precision);
  const int64_t count = s.m * s.n;
  float *y = c.output(count), *truth = c.output(count), *yardstick = c.output(count);
  const int32_t* rows = c.rows(s.m);
  c.kernels().linear_forward(c.exec(2, precision), {rows, x, w, bias, y});
  c.reference().linear_forward(c.exec(1, precision),
                               {rows, x, packed(c, c.reference(), master, s.n, s.k, precision), bias, truth});
  plain::linear_forward<float>(c.exec(1, precision), {rows, x, w, bias, yardstick});
  c.near("y", y, truth, yardstick, count);
  for (int32_t n : kThreadCounts) {
    float* again = c.output(count);
    c.kernels().linear_forward(c.exec(n, precision), {rows, x, w, bias, again});
    c.same_bits("y with other threads", again, y, count);
  }
  // Any run of rows has the bits that it has in the whole: decode and training agree.
  for (int64_t size = 1; size < s.m; size = 2 * size + 1) {
    const int64_t first = (s.m - size) / 2;
    float* part = c.output(size * s.n);
    c.kernels().linear_forward(c.exec(2, precision), {c.rows(size), x + first * s.k, w, bias, part});
    c.same_bits("y of fewer rows", part, y + first * s.n, size * s.n);
  }
}

void backward_input(Check& c, Shape s, int32_t precision, int32_t accumulate) {
  const float *dy = c.input(s.m * s.n, 1), *master = c.input(s.n * s.k, 2), *old = c.input(s.m * s.k, 3);
  const PackedWeight w = packed(c, c.kernels(), master, s.n, s.k, precision);
  const PackedWeight ref = packed(c, c.reference(), master, s.n, s.k, precision);
  const int64_t count = s.m * s.k;
  auto start = [&] { return accumulate ? c.copy(old, count) : c.output(count); };
  float *dx = start(), *truth = start(), *yardstick = start();
  const int32_t* rows = c.rows(s.m);
  c.kernels().linear_backward_input(c.exec(2, precision), {rows, dy, w, dx, accumulate});
  c.reference().linear_backward_input(c.exec(1, precision), {rows, dy, ref, truth, accumulate});
  plain::linear_backward_input<float>(c.exec(1, precision), {rows, dy, w, yardstick, accumulate});
  c.near("dx", dx, truth, yardstick, count);
  for (int32_t n : kThreadCounts) {
    float* again = start();
    c.kernels().linear_backward_input(c.exec(n, precision), {rows, dy, w, again, accumulate});
    c.same_bits("dx with other threads", again, dx, count);
  }
  float* last = c.copy(accumulate ? old + count - s.k : dx, s.k);
  c.kernels().linear_backward_input(c.exec(1, precision), {c.rows(1), dy + (s.m - 1) * s.n, w, last, accumulate});
  c.same_bits("dx of the last row alone", last, dx + count - s.k, s.k);
}

void backward_weight(Check& c, Shape s, int32_t precision, bool with_bias) {
  const float *dy = c.input(s.m * s.n, 1), *x = c.input(s.m * s.k, 2);
  const float *old = c.input(s.n * s.k, 3), *old_bias = c.input(s.n, 4);
  struct Gradient {
    float *dw, *dbias;
  };
  auto start = [&] { return Gradient{c.copy(old, s.n * s.k), with_bias ? c.copy(old_bias, s.n) : nullptr}; };
  const Gradient got = start(), truth = start(), yardstick = start();
  const int32_t* rows = c.rows(s.m);
  auto args = [&](Gradient g) { return LinearBackwardWeight{rows, dy, x, g.dw, g.dbias, s.n, s.k}; };
  c.kernels().linear_backward_weight(c.exec(2, precision), args(got));
  c.reference().linear_backward_weight(c.exec(1, precision), args(truth));
  plain::linear_backward_weight<float>(c.exec(1, precision), args(yardstick));
  c.near("dw", got.dw, truth.dw, yardstick.dw, s.n * s.k);
  if (with_bias) c.near("dbias", got.dbias, truth.dbias, yardstick.dbias, s.n);
  for (int32_t n : kThreadCounts) {
    const Gradient again = start();
    c.kernels().linear_backward_weight(c.exec(n, precision), args(again));
    c.same_bits("dw with other threads", again.dw, got.dw, s.n * s.k);
    if (with_bias) c.same_bits("dbias with other threads", again.dbias, got.dbias, s.n);
  }
}

// y = x W^T + r, also where r is y itself; the product without r, added to r as one more chain.
void with_residual(Check& c, Shape s, int32_t precision) {
  const float *x = c.input(s.m * s.k, 1), *master = c.input(s.n * s.k, 2), *residual = c.input(s.m * s.n, 3);
  const PackedWeight w = packed(c, c.kernels(), master, s.n, s.k, precision);
  const PackedWeight ref = packed(c, c.reference(), master, s.n, s.k, precision);
  const int64_t count = s.m * s.n;
  const int32_t* rows = c.rows(s.m);
  float *y = c.output(count), *truth = c.output(count), *yardstick = c.output(count), *same = c.copy(residual, count);
  c.kernels().linear_forward(c.exec(2, precision), {rows, x, w, nullptr, y, residual});
  c.reference().linear_forward(c.exec(1, precision), {rows, x, ref, nullptr, truth, residual});
  plain::linear_forward<float>(c.exec(1, precision), {rows, x, w, nullptr, yardstick, residual});
  c.near("y", y, truth, yardstick, count);
  c.kernels().linear_forward(c.exec(3, precision), {rows, x, w, nullptr, same, same});
  c.same_bits("y over its residual", same, y, count);
  float* alone = c.copy(residual + count - s.n, s.n);
  c.kernels().linear_forward(c.exec(1, precision), {c.rows(1), x + (s.m - 1) * s.k, w, nullptr, alone, alone});
  c.same_bits("y of the last row alone", alone, y + count - s.n, s.n);
}

// h and the kept gate_up have the bits of forward and act_forward, whatever is kept and for any run of rows; the
// weight's backward copy is that of any other weight.
void gated(Check& c, Shape s, int32_t precision) {
  const int64_t f = s.n, n = 2 * f;
  const float *x = c.input(s.m * s.k, 1), *master = c.input(n * s.k, 2), *dy = c.input(s.m * n, 3);
  const PackedWeight plain = packed(c, c.kernels(), master, n, s.k, precision);
  const PackedWeight w = packed(c, c.kernels(), master, n, s.k, precision, true);
  float *gate_up = c.output(s.m * n), *h = c.output(s.m * f);
  const int32_t* rows = c.rows(s.m);
  c.kernels().linear_forward(c.exec(2, precision), {rows, x, plain, nullptr, gate_up});
  c.kernels().act_forward(c.exec(2), {rows, gate_up, h, f});
  for (int32_t threads : kThreadCounts) {
    float *kept = c.output(s.m * n), *got = c.output(s.m * f), *lean = c.output(s.m * f);
    c.kernels().linear_gated(c.exec(threads, precision), {rows, x, w, kept, got, 1});
    c.same_bits("gate_up", kept, gate_up, s.m * n);
    c.same_bits("h", got, h, s.m * f);
    c.kernels().linear_gated(c.exec(threads, precision), {rows, x, w, c.output(s.m * n), lean, 0});
    c.same_bits("h alone", lean, h, s.m * f);
  }
  float* last = c.output(f);
  c.kernels().linear_gated(c.exec(1, precision), {c.rows(1), x + (s.m - 1) * s.k, w, c.output(n), last, 0});
  c.same_bits("h of the last row alone", last, h + (s.m - 1) * f, f);
  float *dx = c.output(s.m * s.k), *want = c.output(s.m * s.k);
  c.kernels().linear_backward_input(c.exec(2, precision), {rows, dy, w, dx, 0});
  c.kernels().linear_backward_input(c.exec(2, precision), {rows, dy, plain, want, 0});
  c.same_bits("dx", dx, want, s.m * s.k);
}

// Blocks of rows packed one by one, in any order, make the copies that prepare makes.
void packed_by_rows(Check& c, Shape s, int32_t precision) {
  const float* master = c.input(s.n * s.k, 1);
  const PackedWeight whole = packed(c, c.kernels(), master, s.n, s.k, precision);
  const int64_t bytes[] = {c.kernels().linear_packed_bytes(s.n, s.k, precision, 0),
                           c.kernels().linear_packed_bytes(s.n, s.k, precision, 1)};
  const PackedWeight both = {master, c.raw(bytes[0]), c.raw(bytes[1]), s.n, s.k};
  const PackedWeight forward = {master, c.raw(bytes[0]), nullptr, s.n, s.k};
  for (int64_t n0 = (s.n - 1) / kPackRows * kPackRows; n0 >= 0; n0 -= kPackRows) {
    const int64_t n1 = n0 + kPackRows < s.n ? n0 + kPackRows : s.n;
    c.kernels().linear_pack_rows(both, precision, n0, n1);
    c.kernels().linear_pack_rows(forward, precision, n0, n1);
  }
  auto same = [&](const char* what, const void* got, const void* want, int64_t size) {
    c.expect(std::memcmp(got, want, static_cast<size_t>(size)) == 0, "%s: bytes differ", what);
  };
  same("forward copy", both.forward, whole.forward, bytes[0]);
  same("backward copy", both.backward, whole.backward, bytes[1]);
  same("forward copy alone", forward.forward, whole.forward, bytes[0]);
}

// Halfway cases go to even, others to the nearer neighbour, denormals are zero.
void rounding(Check& c) {
  const uint32_t from[] = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff,
                           0xbf808000, 0x7f7e8001, 0x00808001, 0x807fffff};
  const uint32_t to[] = {0x3f800000, 0x3f800000, 0x3f820000, 0x3f810000, 0x3f800000,
                         0xbf800000, 0x7f7f0000, 0x00810000, 0x00000000};
  const int64_t n = sizeof from / 4;
  const PackedWeight w = packed(c, c.kernels(), c.copy(reinterpret_cast<const float*>(from), n), n, 1, SPAR_BF16);
  const float one = 1;
  float* y = c.output(n);
  c.kernels().linear_forward(c.exec(1, SPAR_BF16), {c.rows(1), &one, w, nullptr, y});
  c.same_bits("W as products see it", y, c.copy(reinterpret_cast<const float*>(to), n), n);
}

// Activations are rounded too: each product here has one factor 1 and takes the other rounded.
void rounded_activations(Check& c) {
  const int64_t k = 3;
  const float x[] = {1.00390625f, -1.01171875f, 3.14159274f}, rounded[] = {1, -1.015625f, 3.140625f};
  const float identity[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, one = 1;
  const PackedWeight w = packed(c, c.kernels(), c.copy(identity, k * k), k, k, SPAR_BF16);
  const Exec exec = c.exec(1, SPAR_BF16);
  const int32_t* row = c.rows(1);
  float *y = c.output(k), *dx = c.output(k), *by_x = c.inout(k, 1, 0, 0), *by_dy = c.inout(k, 1, 0, 0);
  c.kernels().linear_forward(exec, {row, x, w, nullptr, y});
  c.kernels().linear_backward_input(exec, {row, x, w, dx, 0});
  c.kernels().linear_backward_weight(exec, {row, &one, x, by_x, nullptr, 1, k});
  c.kernels().linear_backward_weight(exec, {row, x, &one, by_dy, nullptr, k, 1});
  for (const float* got : {y, dx, by_x, by_dy}) c.same_bits("rounded operand", got, rounded, k);
}

// Every number of rows up to a few tiles' worth: each row has the bits that it has alone.
void each_height(Check& c, int64_t n, int64_t k) {
  constexpr int64_t kMost = 70;
  const float* x = c.input(kMost * k, 1);
  const PackedWeight w = packed(c, c.kernels(), c.input(n * k, 2), n, k, SPAR_BF16);
  float *alone = c.output(kMost * n), *dx_alone = c.output(kMost * k);
  const float* dy = c.input(kMost * n, 3);
  const Exec exec = c.exec(2, SPAR_BF16);
  for (int64_t m = 0; m < kMost; m++) {
    c.kernels().linear_forward(exec, {c.rows(1), x + m * k, w, nullptr, alone + m * n});
    c.kernels().linear_backward_input(exec, {c.rows(1), dy + m * n, w, dx_alone + m * k, 0});
  }
  for (int64_t m = 1; m <= kMost; m++) {
    float *y = c.output(m * n), *dx = c.output(m * k);
    c.kernels().linear_forward(exec, {c.rows(m), x, w, nullptr, y});
    c.kernels().linear_backward_input(exec, {c.rows(m), dy, w, dx, 0});
    c.same_bits("y", y, alone, m * n);
    c.same_bits("dx", dx, dx_alone, m * k);
  }
}

// Infinity and NaN reach their row and column of the results and no other; denormals count as zero.
void special_values(Check& c) {
  const int64_t m = 35, n = 37, k = 41;
  const float inf = __builtin_inff(), tiny = 1e-39f;
  float *x = c.inout(m * k, 1, 1, 2), *master = c.inout(n * k, 2, 1, 2), *y = c.output(m * n), *dw = c.inout(n * k, 3);
  x[3 * k + 40] = inf;
  x[20 * k] = __builtin_nanf("");
  for (int64_t p = 0; p < k; p++) x[34 * k + p] = tiny, master[36 * k + p] = -tiny;
  const PackedWeight w = packed(c, c.kernels(), master, n, k, SPAR_BF16);
  const Exec exec = c.exec(2, SPAR_BF16);
  c.kernels().linear_forward(exec, {c.rows(m), x, w, nullptr, y});
  for (int64_t i = 0; i < m * n; i++) {
    const int64_t row = i / n, column = i % n;
    const bool zero = row == 34 || column == 36;
    const bool right = row == 20 || (row == 3 && column == 36) ? y[i] != y[i]
                       : row == 3                              ? y[i] == inf
                       : zero                                  ? y[i] == 0
                                                               : y[i] > 0 && y[i] < inf;
    c.expect(right, "y[%d, %d] is %g", static_cast<int>(row), static_cast<int>(column), static_cast<double>(y[i]));
  }
  const float* dy = c.input(m * n, 4);
  c.kernels().linear_backward_weight(exec, {c.rows(m), dy, x, dw, nullptr, n, k});
  for (int64_t i = 0; i < n * k; i++)
    c.expect((i % k == 0) == (dw[i] != dw[i]) && (i % k == 40) == (dw[i] == inf || dw[i] == -inf), "dw[%d] is %g",
             static_cast<int>(i), static_cast<double>(dw[i]));
}

// A batch may have no rows: nothing is written and sums keep their value.
void no_rows(Check& c) {
  const int64_t n = 5, k = 7;
  const PackedWeight w = packed(c, c.kernels(), c.input(n * k, 1), n, k, SPAR_FP32);
  const float *old = c.input(n * k, 2), *x = c.output(0);
  float *y = c.output(0), *dw = c.copy(old, n * k), *dbias = c.copy(old, n);
  const int32_t* rows = c.rows(0);
  c.kernels().linear_forward(c.exec(2), {rows, x, w, nullptr, y});
  c.kernels().linear_backward_input(c.exec(2), {rows, x, w, y, 0});
  c.kernels().linear_backward_weight(c.exec(2), {rows, x, x, dw, dbias, n, k});
  c.same_bits("dw", dw, old, n * k);
  c.same_bits("dbias", dbias, old, n);
}

// ---- planted bugs

void skip_last_row(const Exec& e, const LinearForward& a) {
  const int32_t rows = *a.rows - 1;
  LinearForward b = a;
  b.rows = &rows;
  genuine().linear_forward(e, b);
}
void last_column_off(const Exec& e, const LinearForward& a) {
  genuine().linear_forward(e, a);
  const int64_t n = a.weight.n;
  for (int64_t m = 0; n > 1 && m < *a.rows; m++) a.y[m * n + n - 1] = a.y[m * n + n - 2];
}
void past_the_end(const Exec& e, const LinearForward& a) {
  genuine().linear_forward(e, a);
  a.y[*a.rows * a.weight.n] = 0;
}
// Rows of a large batch summed in another order: right to the last few bits.
void order_by_batch(const Exec& e, const LinearForward& a) {
  genuine().linear_forward(e, a);
  if (*a.rows > 4) a.y[a.weight.n * (*a.rows / 2)] *= 1.0000001f;
}
void lost_residual(const Exec& e, const LinearForward& a) {
  LinearForward b = a;
  b.residual = nullptr;
  genuine().linear_forward(e, b);
}
void exact_activations(const Exec& e, const LinearForward& a) {
  std::vector<float> twice(a.x, a.x + *a.rows * a.weight.k);
  for (float& x : twice) x *= 1.001f;
  LinearForward b = a;
  if (e.precision == SPAR_BF16) b.x = twice.data();
  genuine().linear_forward(e, b);
}
void whole_blocks_only(const PackedWeight& w, int32_t precision, int64_t n0, int64_t n1) {
  if ((n1 - n0) % kPackRows == 0) genuine().linear_pack_rows(w, precision, n0, n1);
}
void gates_and_ups_swapped(const Exec& e, const LinearGated& a) {
  genuine().linear_gated(e, a);
  const float g = a.gate_up[a.weight.n / 2], u = a.gate_up[0];
  if (a.keep) a.h[0] = g / (1 + std::exp(-g)) * u;
}
void not_kept(const Exec& e, const LinearGated& a) {
  std::vector<float> gate_up(static_cast<size_t>(*a.rows * a.weight.n));
  LinearGated b = a;
  b.gate_up = gate_up.data();
  genuine().linear_gated(e, b);
}
void overwrite_dx(const Exec& e, const LinearBackwardInput& a) {
  LinearBackwardInput b = a;
  b.accumulate = 0;
  genuine().linear_backward_input(e, b);
}
void overwrite_dw(const Exec& e, const LinearBackwardWeight& a) {
  for (int64_t i = 0; i < a.n * a.k; i++) a.dw[i] = 0;
  genuine().linear_backward_weight(e, a);
}
void last_row_of_dw(const Exec& e, const LinearBackwardWeight& a) {
  const int32_t rows = *a.rows > 1 ? *a.rows - 1 : 1;
  LinearBackwardWeight b = a;
  b.rows = &rows;
  genuine().linear_backward_weight(e, b);
}
void truncate_bf16(const Exec& e, const LinearPrepare& a) {
  std::vector<float> cut(a.weight.master, a.weight.master + a.weight.n * a.weight.k);
  for (float& x : cut) {
    if (e.precision != SPAR_BF16) continue;
    uint32_t u;
    std::memcpy(&u, &x, 4);
    u &= 0xffff0000u;
    std::memcpy(&x, &u, 4);
  }
  LinearPrepare b = a;
  b.weight.master = cut.data();
  genuine().linear_prepare(e, b);
}

// Every tile height, panel tail, chain tail and both sides of each block bound is reached.
const Shape kShapes[] = {{1, 1, 1},     {2, 3, 5},       {17, 33, 65},    {8, 48, 256},  {9, 49, 257},  {7, 95, 255},
                         {5, 200, 513}, {64, 16, 8},     {131, 97, 300},  {4, 385, 64},  {3, 96, 1025}, {1, 577, 576},
                         {40, 47, 31},  {260, 200, 130}, {1030, 10, 129}, {6, 193, 700}, {10, 8, 2}};

const Registration cases_of_linear([] {
  for (const Shape& s : kShapes) {
    add_case("linear", "forward " + s.name(), [=](Check& c) { forward(c, s, SPAR_FP32, false); });
    add_case("linear", "forward bf16 bias " + s.name(), [=](Check& c) { forward(c, s, SPAR_BF16, true); });
    add_case("linear", "backward_input " + s.name(), [=](Check& c) { backward_input(c, s, SPAR_FP32, 1); });
    add_case("linear", "backward_input bf16 " + s.name(), [=](Check& c) { backward_input(c, s, SPAR_BF16, 0); });
    add_case("linear", "backward_weight " + s.name(), [=](Check& c) { backward_weight(c, s, SPAR_FP32, false); });
    add_case("linear", "backward_weight bf16 bias " + s.name(),
             [=](Check& c) { backward_weight(c, s, SPAR_BF16, true); });
    add_case("linear", "residual " + s.name(), [=](Check& c) { with_residual(c, s, SPAR_FP32); });
    add_case("linear", "residual bf16 " + s.name(), [=](Check& c) { with_residual(c, s, SPAR_BF16); });
    add_case("linear", "pack_rows " + s.name(), [=](Check& c) { packed_by_rows(c, s, SPAR_FP32); });
    add_case("linear", "pack_rows bf16 " + s.name(), [=](Check& c) { packed_by_rows(c, s, SPAR_BF16); });
  }
  for (const Shape& s : {Shape{35, 70, 5000}, Shape{2500, 33, 40}})
    add_case("linear", "bf16 deep " + s.name(), [=](Check& c) {
      forward(c, s, SPAR_BF16, true);
      with_residual(c, s, SPAR_BF16);
      backward_input(c, {s.m, s.k, s.n}, SPAR_BF16, 1);
      backward_weight(c, s, SPAR_BF16, true);
    });
  for (const Shape& s : {Shape{1, 16, 32}, Shape{3, 7, 33}, Shape{40, 48, 31}, Shape{70, 192, 576}, Shape{33, 32, 2100},
                         Shape{700, 1536, 64}})
    for (int32_t precision : {SPAR_FP32, SPAR_BF16})
      add_case("linear", std::string(precision == SPAR_BF16 ? "bf16 " : "") + "gated " + s.name(),
               [=](Check& c) { gated(c, s, precision); });
  add_case("linear", "bf16 every height", [](Check& c) { each_height(c, 50, 70); });
  add_case("linear", "bf16 special values", special_values);
  add_case("linear", "no rows", no_rows);
  add_case("linear", "prepare rounds to nearest even", rounding);
  add_case("linear", "bf16 activations are rounded", rounded_activations);
  add_planted("linear", "forward skips the last row", [](OpTable& t) { t.linear_forward = skip_last_row; });
  add_planted("linear", "forward repeats a column", [](OpTable& t) { t.linear_forward = last_column_off; });
  add_planted("linear", "forward writes past the end", [](OpTable& t) { t.linear_forward = past_the_end; });
  add_planted("linear", "forward depends on the batch", [](OpTable& t) { t.linear_forward = order_by_batch; });
  add_planted("linear", "forward loses its residual", [](OpTable& t) { t.linear_forward = lost_residual; });
  add_planted("linear", "forward takes other activations", [](OpTable& t) { t.linear_forward = exact_activations; });
  add_planted("linear", "pack_rows skips the last block", [](OpTable& t) { t.linear_pack_rows = whole_blocks_only; });
  add_planted("linear", "gated swaps gates and ups", [](OpTable& t) { t.linear_gated = gates_and_ups_swapped; });
  add_planted("linear", "gated keeps nothing", [](OpTable& t) { t.linear_gated = not_kept; });
  add_planted("linear", "backward_input overwrites", [](OpTable& t) { t.linear_backward_input = overwrite_dx; });
  add_planted("linear", "backward_weight overwrites", [](OpTable& t) { t.linear_backward_weight = overwrite_dw; });
  add_planted("linear", "backward_weight skips a row", [](OpTable& t) { t.linear_backward_weight = last_row_of_dw; });
  add_planted("linear", "prepare truncates to bf16", [](OpTable& t) { t.linear_prepare = truncate_bf16; });
});

}  // namespace
}  // namespace test
}  // namespace spar
