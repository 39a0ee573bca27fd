// Tests of head: see tests/op_case.h. Logits are scaled to the size that a trained model has.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "ops/head/plain.h"
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

struct Shape {
  int64_t t, v, c;
  std::string name() const { return "t=" + std::to_string(t) + ",v=" + std::to_string(v) + ",c=" + std::to_string(c); }
};

PackedWeight packed(Check& c, const OpTable& table, const float* master, Shape s, int32_t precision) {
  PackedWeight w = {master, c.raw(table.linear_packed_bytes(s.v, s.c, precision, 0)),
                    c.raw(table.linear_packed_bytes(s.v, s.c, precision, 1)), s.v, s.c};
  table.linear_prepare(c.exec(2, precision), {w});
  return w;
}

struct Inputs {
  const float *x, *master;
  const int32_t* target;
};

// Logits of about +-10.
Inputs inputs(Check& c, Shape s) {
  const float size = 10 / std::sqrt(static_cast<float>(s.c));
  return {c.input(s.t * s.c, 1, -3, 3), c.input(s.v * s.c, 2, -size, size), c.ids(s.t, 3, static_cast<int32_t>(s.v))};
}

struct Outputs {
  float *logp, *lse, *entropy;
};
Outputs outputs(Check& c, int64_t t) { return {c.output(t), c.output(t), c.output(t)}; }

HeadForward forward_args(Check& c, int64_t t, const Inputs& in, const PackedWeight& w, Outputs out) {
  return {c.rows(t), in.x, w, in.target, out.logp, out.lse, out.entropy, c.output(head_scratch(t))};
}

void same_outputs(Check& c, const char* what, Outputs got, Outputs want, int64_t count) {
  c.same_bits((std::string("logp ") + what).c_str(), got.logp, want.logp, count);
  c.same_bits((std::string("lse ") + what).c_str(), got.lse, want.lse, count);
  c.same_bits((std::string("entropy ") + what).c_str(), got.entropy, want.entropy, count);
}

void forward(Check& c, Shape s, int32_t precision) {
  const Inputs in = inputs(c, s);
  const PackedWeight w = packed(c, c.kernels(), in.master, s, precision);
  const PackedWeight ref = packed(c, c.reference(), in.master, s, precision);
  const Outputs got = outputs(c, s.t), truth = outputs(c, s.t), yardstick = outputs(c, s.t);
  c.kernels().head_forward(c.exec(2, precision), forward_args(c, s.t, in, w, got));
  c.reference().head_forward(c.exec(1, precision), forward_args(c, s.t, in, ref, truth));
  plain::head_forward<float>(c.exec(1, precision), forward_args(c, s.t, in, w, yardstick));
  c.near("logp", got.logp, truth.logp, yardstick.logp, s.t);
  c.near("lse", got.lse, truth.lse, yardstick.lse, s.t);
  c.near("entropy", got.entropy, truth.entropy, yardstick.entropy, s.t);
  for (int32_t n : kThreadCounts) {
    const Outputs again = outputs(c, s.t);
    c.kernels().head_forward(c.exec(n, precision), forward_args(c, s.t, in, w, again));
    same_outputs(c, "with other threads", again, got, s.t);
  }
  for (int64_t t = 0; t < s.t; t += 5) {
    const Outputs alone = outputs(c, 1);
    const Inputs row = {in.x + t * s.c, in.master, in.target + t};
    c.kernels().head_forward(c.exec(1, precision), forward_args(c, 1, row, w, alone));
    same_outputs(c, "of a row alone", alone, {got.logp + t, got.lse + t, got.entropy + t}, 1);
  }
  HeadForward no_entropy = forward_args(c, s.t, in, w, outputs(c, s.t));
  no_entropy.entropy = nullptr;
  c.kernels().head_forward(c.exec(1, precision), no_entropy);
  c.same_bits("logp without entropy", no_entropy.logp, got.logp, s.t);
}

// What decode does, linear then sample, scores a token with the bits of head.
void sampled(Check& c, Shape s) {
  const Inputs in = inputs(c, s);
  const PackedWeight w = packed(c, c.kernels(), in.master, s, SPAR_FP32);
  float *logits = c.output(s.t * s.v), *logp = c.output(s.t);
  int32_t* token = static_cast<int32_t*>(c.raw(s.t * 4));
  c.kernels().linear_forward(c.exec(2), {c.rows(s.t), in.x, w, nullptr, logits});
  std::vector<SampleParams> params;
  for (int64_t t = 0; t < s.t; t++) params.push_back({0.5f + 0.1f * static_cast<float>(t), 1, 0, 0, 0.37});
  c.kernels().sample(c.exec(2), {c.rows(s.t), logits, params.data(), token, logp, c.output(s.t * 2 * s.v), s.v});
  const Outputs scored = outputs(c, s.t);
  const Inputs chosen = {in.x, in.master, token};
  c.kernels().head_forward(c.exec(1), forward_args(c, s.t, chosen, w, scored));
  // The reference family rounds logits to float between the two ops.
  if (c.family().isa == SPAR_ISA_REF) {
    const Outputs yardstick = outputs(c, s.t);
    plain::head_forward<float>(c.exec(1), forward_args(c, s.t, chosen, w, yardstick));
    return c.near("sampled logp", logp, scored.logp, yardstick.logp, s.t);
  }
  c.same_bits("sampled logp", logp, scored.logp, s.t);
}

// The inputs as bf16 precision sees them.
Inputs rounded(Check& c, Shape s, const Inputs& in) {
  auto round = [&](const float* from, int64_t count) {
    float* to = c.output(count);
    for (int64_t i = 0; i < count; i++) to[i] = plain::operand(from[i], SPAR_BF16);
    return to;
  };
  return {round(in.x, s.t * s.c), round(in.master, s.v * s.c), in.target};
}

// Each version takes the lse of its own forward pass, as training does: where a probability is near
// 1 the errors of logit and lse cancel. The truth does not round dz to bf16: an error of the last
// bit of a logit can move that by a whole step, in the kernel and in the yardstick at other places.
void backward(Check& c, Shape s, int32_t precision) {
  const Inputs in = inputs(c, s), exact = precision == SPAR_BF16 ? rounded(c, s, in) : in;
  const PackedWeight w = packed(c, c.kernels(), in.master, s, precision);
  const PackedWeight ref = packed(c, c.reference(), exact.master, s, SPAR_FP32);
  const float *coef = c.input(s.t, 4), *old = c.input(s.v * s.c, 5, -0.1f, 0.1f);
  struct Gradient {
    float *dx, *dw;
  };
  auto run = [&](Kernel<HeadForward> forward, Kernel<HeadBackward> backward, const Exec& exec, const Inputs& from,
                 const PackedWeight& weight) {
    const Gradient g = {c.output(s.t * s.c), c.copy(old, s.v * s.c)};
    const Outputs o = outputs(c, s.t);
    forward(exec, forward_args(c, s.t, from, weight, o));
    backward(exec, {c.rows(s.t), from.x, weight, from.target, o.lse, coef, g.dx, g.dw, c.output(head_scratch(s.t))});
    return g;
  };
  auto genuine_run = [&](int32_t n) {
    return run(c.kernels().head_forward, c.kernels().head_backward, c.exec(n, precision), in, w);
  };
  const Gradient got = genuine_run(2);
  const Gradient truth = run(c.reference().head_forward, c.reference().head_backward, c.exec(1), exact, ref);
  const Gradient yardstick = run(plain::head_forward<float>, plain::head_backward<float>, c.exec(1, precision), in, w);
  c.near("dx", got.dx, truth.dx, yardstick.dx, s.t * s.c);
  c.near("dw", got.dw, truth.dw, yardstick.dw, s.v * s.c);
  for (int32_t n : kThreadCounts) {
    const Gradient again = genuine_run(n);
    c.same_bits("dx with other threads", again.dx, got.dx, s.t * s.c);
    c.same_bits("dw with other threads", again.dw, got.dw, s.v * s.c);
  }
}

// In bf16 precision dz is rounded: with x = 1 and one row, dW is dz itself.
void rounded_gradient(Check& c) {
  const Shape s = {1, 2400, 1};
  const float one = 1, coef = 0.3f;
  const Inputs in = {&one, c.input(s.v, 1), c.ids(1, 2, static_cast<int32_t>(s.v))};
  const PackedWeight w = packed(c, c.kernels(), in.master, s, SPAR_BF16);
  const Outputs o = outputs(c, 1);
  float *dx = c.output(1), *dw = c.inout(s.v, 1, 0, 0), *want = c.output(s.v);
  const Exec exec = c.exec(2, SPAR_BF16);
  c.kernels().head_forward(exec, forward_args(c, 1, in, w, o));
  c.kernels().head_backward(exec, {c.rows(1), &one, w, in.target, o.lse, &coef, dx, dw, c.output(head_scratch(1))});
  for (int64_t v = 0; v < s.v; v++) want[v] = plain::operand(dw[v], SPAR_BF16);
  c.same_bits("dz", dw, want, s.v);
}

// No row may have a target: nothing is written and dw keeps its value.
void no_rows(Check& c) {
  const Shape s = {0, 11, 6};
  const Inputs in = inputs(c, s);
  const PackedWeight w = packed(c, c.kernels(), in.master, s, SPAR_FP32);
  const Outputs o = outputs(c, 0);
  const float* old = c.input(s.v * s.c, 5);
  float* dw = c.copy(old, s.v * s.c);
  c.kernels().head_forward(c.exec(2), forward_args(c, 0, in, w, o));
  c.kernels().head_backward(c.exec(2), {c.rows(0), in.x, w, in.target, o.lse, o.lse, c.output(0), dw, c.output(0)});
  c.same_bits("dw", dw, old, s.v * s.c);
}

// ---- planted bugs

void last_chunk_lost(const Exec& e, const HeadForward& a) {
  HeadForward b = a;
  if (a.weight.n > kHeadChunk && a.target[0] < kHeadChunk) b.weight.n = a.weight.n / kHeadChunk * kHeadChunk;
  genuine().head_forward(e, b);
}
void tail_column_lost(const Exec& e, const HeadForward& a) {
  HeadForward b = a;
  for (int32_t t = 0; t < *a.rows; t++)
    if (a.target[t] == a.weight.n - 1) return genuine().head_forward(e, a);
  if (a.weight.n > 1) b.weight.n--;
  genuine().head_forward(e, b);
}
void entropy_in_bits(const Exec& e, const HeadForward& a) {
  genuine().head_forward(e, a);
  for (int32_t t = 0; a.entropy && t < *a.rows; t++) a.entropy[t] *= 1.442695f;
}
void wrong_row_of_coef(const Exec& e, const HeadBackward& a) {
  HeadBackward b = a;
  std::vector<float> coef(a.coef, a.coef + *a.rows);
  if (coef.size() > 1) std::swap(coef[0], coef[1]);
  b.coef = coef.data();
  genuine().head_backward(e, b);
}
void overwrite_dw(const Exec& e, const HeadBackward& a) {
  for (int64_t i = 0; i < a.weight.n * a.weight.k; i++) a.dw[i] = 0;
  genuine().head_backward(e, a);
}

// One row, a batch; vocabularies below, at and above one chunk and one panel, odd and prime.
const Shape kShapes[] = {{1, 1, 5},     {3, 7, 16},     {17, 257, 33}, {2, 2304, 8},
                         {5, 2305, 24}, {1, 4999, 64},  {70, 97, 40},  {9, 2 * kHeadChunk + 1, 12},
                         {33, 49, 300}, {250, 2400, 33}};

const Registration cases_of_head([] {
  for (const Shape& s : kShapes) {
    add_case("head", "forward " + s.name(), [=](Check& c) { forward(c, s, SPAR_FP32); });
    add_case("head", "forward bf16 " + s.name(), [=](Check& c) { forward(c, s, SPAR_BF16); });
    add_case("head", "sampled " + s.name(), [=](Check& c) { sampled(c, s); });
    add_case("head", "backward " + s.name(), [=](Check& c) { backward(c, s, SPAR_FP32); });
    add_case("head", "backward bf16 " + s.name(), [=](Check& c) { backward(c, s, SPAR_BF16); });
  }
  add_case("head", "no rows", no_rows);
  add_case("head", "bf16 gradients of logits are rounded", rounded_gradient);
  add_planted("head", "the last chunk is lost", [](OpTable& t) { t.head_forward = last_chunk_lost; });
  add_planted("head", "the last column is lost", [](OpTable& t) { t.head_forward = tail_column_lost; });
  add_planted("head", "entropy in bits", [](OpTable& t) { t.head_forward = entropy_in_bits; });
  add_planted("head", "coefficients of other rows", [](OpTable& t) { t.head_backward = wrong_row_of_coef; });
  add_planted("head", "backward overwrites dw", [](OpTable& t) { t.head_backward = overwrite_dw; });
});

}  // namespace
}  // namespace test
}  // namespace spar
