// Tests of attention: see tests/op_case.h.
#include <algorithm>
#include <cmath>

#include "ops/attention/plain.h"
#include "ops/attention/test_batch.h"
#include "tests/slope.h"

namespace spar {
namespace test {
namespace {

AttentionShape shape_of(Heads h, int32_t window) {
  return {h.heads, h.kv_heads, h.head_dim, window, 1.0f / std::sqrt(static_cast<float>(h.head_dim))};
}

struct Result {
  float *out, *lse;
};

Result forward_with(Check& c, const OpTable& table, int32_t num_threads, const Layout& l, Heads h, int32_t window,
                    const float* qkv, int32_t precision = SPAR_FP32) {
  const BatchView view = l.view();
  const Result r = {c.output(l.rows() * h.out()), c.output(l.rows() * h.heads)};
  table.attention_forward(c.exec(num_threads, precision), {&view, shape_of(h, window), qkv, r.out, r.lse});
  return r;
}

// The layout with nothing but segment s and its prefixes, and the rows of the whole that it has.
Layout chain_of(const Layout& l, int32_t s, std::vector<int32_t>& rows) {
  std::vector<int32_t> chain;
  for (int32_t i = s; i >= 0; i = l.segment[static_cast<size_t>(i)].prefix) chain.insert(chain.begin(), i);
  Layout alone;
  for (int32_t i : chain) {
    const spar_segment& segment = l.segment[static_cast<size_t>(i)];
    for (int32_t k = 0; k < segment.num_rows; k++) rows.push_back(segment.first_row + k);
    alone.add(static_cast<int32_t>(alone.segment.size()) - 1, segment.num_rows);
  }
  return alone;
}

// The rows of each segment have the bits that they have when only their chain is there.
void chains_alone(Check& c, const Layout& l, Heads h, int32_t window, const float* qkv, Result whole,
                  int32_t precision) {
  for (int32_t s = 0; s < static_cast<int32_t>(l.segment.size()); s++) {
    std::vector<int32_t> rows;
    const Layout alone = chain_of(l, s, rows);
    float* part = c.output(alone.rows() * h.stride());
    for (size_t i = 0; i < rows.size(); i++)
      std::copy_n(qkv + rows[i] * h.stride(), h.stride(), part + static_cast<int64_t>(i) * h.stride());
    const Result r = forward_with(c, c.kernels(), 1, alone, h, window, part, precision);
    for (size_t i = 0; i < rows.size(); i++) {
      const int64_t row = static_cast<int64_t>(i);
      c.same_bits("out without the other segments", r.out + row * h.out(), whole.out + rows[i] * h.out(), h.out());
      c.same_bits("lse without the other segments", r.lse + row * h.heads, whole.lse + rows[i] * h.heads, h.heads);
    }
  }
}

void forward(Check& c, const Layout& l, Heads h, int32_t window, int32_t precision) {
  const float* qkv = rotated(c, l.rows() * h.stride(), 1, 2, precision);
  const BatchView view = l.view();
  const Result got = forward_with(c, c.kernels(), 2, l, h, window, qkv, precision),
               truth = forward_with(c, c.reference(), 1, l, h, window, qkv);
  const Result yardstick = {c.output(l.rows() * h.out()), c.output(l.rows() * h.heads)};
  plain::attention_forward<float>(c.exec(1), {&view, shape_of(h, window), qkv, yardstick.out, yardstick.lse});
  c.near("out", got.out, truth.out, yardstick.out, l.rows() * h.out());
  c.near("lse", got.lse, truth.lse, yardstick.lse, l.rows() * h.heads);
  for (int32_t n : kThreadCounts) {
    const Result again = forward_with(c, c.kernels(), n, l, h, window, qkv, precision);
    c.same_bits("out with other threads", again.out, got.out, l.rows() * h.out());
    c.same_bits("lse with other threads", again.lse, got.lse, l.rows() * h.heads);
  }
  chains_alone(c, l, h, window, qkv, got, precision);
}

void backward(Check& c, const Layout& l, Heads h, int32_t window, int32_t precision) {
  const int64_t count = l.rows() * h.stride();
  const float *qkv = rotated(c, count, 1, 2, precision), *dout = c.input(l.rows() * h.out(), 2);
  const BatchView view = l.view();
  const Result saved = forward_with(c, c.reference(), 1, l, h, window, qkv);
  auto args = [&](float* dqkv) {
    return AttentionBackward{&view, shape_of(h, window), qkv, saved.out, saved.lse, dout, dqkv};
  };
  float *got = c.output(count), *truth = c.output(count), *yardstick = c.output(count);
  c.kernels().attention_backward(c.exec(2, precision), args(got));
  c.reference().attention_backward(c.exec(1), args(truth));
  plain::attention_backward<float>(c.exec(1), args(yardstick));
  c.near("dqkv", got, truth, yardstick, count);
  for (int32_t n : kThreadCounts) {
    float* again = c.output(count);
    c.kernels().attention_backward(c.exec(n, precision), args(again));
    c.same_bits("dqkv with other threads", again, got, count);
  }
}

// sum dout . out in double, from the formula.
double loss_of(const Layout& l, Heads h, int32_t window, const std::vector<double>& x, const float* dout) {
  const int64_t D = h.head_dim, stride = h.stride();
  double loss = 0;
  plain::each_row(l.view(), window, [&](int64_t m, const std::vector<int64_t>& rows) {
    for (int64_t head = 0; head < h.heads; head++) {
      const double* q = x.data() + m * stride + head * D;
      double sum = 0, weighted = 0;
      for (int64_t j : rows) {
        const double* k = x.data() + j * stride + (h.heads + head * h.kv_heads / h.heads) * D;
        double score = 0, value = 0;
        for (int64_t d = 0; d < D; d++) {
          score += q[d] * k[d];
          value += dout[m * h.out() + head * D + d] * k[h.kv_heads * D + d];
        }
        const double p = std::exp(score * static_cast<double>(shape_of(h, window).scale));
        sum += p;
        weighted += p * value;
      }
      loss += weighted / sum;
    }
  });
  return loss;
}

void slopes(Check& c, const Layout& l, Heads h, int32_t window) {
  const int64_t count = l.rows() * h.stride();
  const float *qkv = c.input(count, 1), *dout = c.input(l.rows() * h.out(), 2);
  const BatchView view = l.view();
  const Result saved = forward_with(c, c.kernels(), 1, l, h, window, qkv);
  float* dqkv = c.output(count);
  c.kernels().attention_backward(c.exec(2), {&view, shape_of(h, window), qkv, saved.out, saved.lse, dout, dqkv});
  std::vector<double> x = widened(qkv, count);
  same_slopes(c, "dqkv", dqkv, x, [&] { return loss_of(l, h, window, x, dout); });
}

// Scores far above and below what exp can hold.
void steep(Check& c, Heads h) {
  const Layout l = group(70, {9});
  const float* qkv = c.input(l.rows() * h.stride(), 1, -40, 40);
  const Result got = forward_with(c, c.kernels(), 2, l, h, 0, qkv),
               truth = forward_with(c, c.reference(), 1, l, h, 0, qkv);
  for (int64_t i = 0; i < l.rows() * h.heads; i++)
    c.expect(std::fabs(got.lse[i] - truth.lse[i]) <= 1e-5f * std::fabs(truth.lse[i]), "lse %lld is %g, truth %g",
             static_cast<long long>(i), static_cast<double>(got.lse[i]), static_cast<double>(truth.lse[i]));
  for (int64_t i = 0; i < l.rows() * h.out(); i++)
    c.expect(std::fabs(got.out[i]) <= 40.001f, "out %lld is %g", static_cast<long long>(i),
             static_cast<double>(got.out[i]));
}

// A NaN in a row's own chain reaches it and nobody else.
void poison(Check& c, Heads h) {
  const Layout l = group(5, {3, 4});
  float* qkv = c.inout(l.rows() * h.stride(), 1);
  const Result clean = forward_with(c, c.kernels(), 2, l, h, 0, qkv);
  for (int64_t i = 0; i < h.stride(); i++) qkv[6 * h.stride() + i] = NAN;  // the second row of the first response
  const Result got = forward_with(c, c.kernels(), 2, l, h, 0, qkv);
  for (int64_t m = 0; m < l.rows(); m++) {
    if (m == 6 || m == 7)
      c.expect(std::isnan(got.out[m * h.out()]), "row %lld does not see the NaN", static_cast<long long>(m));
    else
      c.same_bits("a row that does not see the NaN", got.out + m * h.out(), clean.out + m * h.out(), h.out());
  }
}

// ---- planted bugs

void window_ignored(const Exec& e, const AttentionForward& a) {
  AttentionForward b = a;
  b.shape.window = 0;
  genuine().attention_forward(e, b);
}
void unscaled(const Exec& e, const AttentionForward& a) {
  AttentionForward b = a;
  b.shape.scale = 1;
  genuine().attention_forward(e, b);
}
// Segments without prefixes: responses that do not see their prompt.
void prefix_unseen(const Exec& e, const AttentionForward& a) {
  BatchView view = *a.batch;
  std::vector<spar_segment> segment(view.segment, view.segment + view.segments);
  for (spar_segment& s : segment) s.prefix = -1;
  view.segment = segment.data();
  AttentionForward b = a;
  b.batch = &view;
  genuine().attention_forward(e, b);
}
// The last bit of a row that shares its tile with others.
void bits_of_the_batch(const Exec& e, const AttentionForward& a) {
  genuine().attention_forward(e, a);
  if (a.batch->segments > 2) a.out[0] = std::nextafter(a.out[0], 1e9f);
}
void second_response_lost(const Exec& e, const AttentionBackward& a) {
  const int64_t stride = (a.shape.heads + 2 * a.shape.kv_heads) * a.shape.head_dim;
  genuine().attention_backward(e, a);
  a.dqkv[stride - 1] *= 0.5f;
}
void delta_forgotten(const Exec& e, const AttentionBackward& a) {
  std::vector<float> zero(static_cast<size_t>(a.batch->rows * a.shape.heads * a.shape.head_dim), 0.0f);
  AttentionBackward b = a;
  b.out = zero.data();
  genuine().attention_backward(e, b);
}

// ---- cases

struct NamedLayout {
  const char* name;
  Layout layout;
};

std::vector<NamedLayout> layouts() {
  Layout chain = group(7, {1});
  for (int32_t i = 1; i < 4; i++) chain.add(i, 3 + 60 * (i % 2));
  Layout longest;
  for (int32_t i = 0; i <= kMaxPrefixChain; i++) longest.add(i - 1, 2 + i % 3);
  Layout tree = group(33, {20, 5});  // two prompts under one system prompt, two responses each
  tree.add(1, 18).add(2, 1).add(1, 2).add(2, 70);
  Layout groups = group(17, {9, 3});
  groups.add(-1, 66).add(3, 1).add(-1, 1).add(3, 40).add(5, 1);
  return {{"k=1", group(20, {13})},
          {"k=2", group(65, {63, 17})},
          {"k=5", group(1, {1, 2, 17, 1, 5})},
          {"no prefix", group(0, {4, 1})},
          {"one-row rows", group(64, {1, 1, 1, 1, 1})},
          {"chain of 4", chain},
          {"longest chain", longest},
          {"tree", tree},
          {"groups", groups}};
}

void add_both(const std::string& name, const Layout& l, Heads h, int32_t window) {
  const std::string full = name + "," + h.name() + (window ? ",w=" + std::to_string(window) : "");
  for (int32_t precision : {SPAR_FP32, SPAR_BF16}) {
    const std::string p = precision_name(precision);
    add_case("attention", p + "forward " + full, [=](Check& c) { forward(c, l, h, window, precision); });
    add_case("attention", p + "backward " + full, [=](Check& c) { backward(c, l, h, window, precision); });
  }
}

const Registration cases([] {
  const Heads smol = {9, 3, 64}, odd = {3, 1, 10};
  for (int32_t m : {1, 2, 17, 63, 64, 65, 129})
    for (Heads h : {smol, Heads{2, 2, 2}}) add_both("m=" + std::to_string(m), group(0, {m}), h, 0);
  for (Heads h :
       {odd, Heads{8, 2, 80}, Heads{2, 1, 128}, Heads{7, 1, 64}, Heads{1, 1, 130}, Heads{100, 1, 8}, Heads{2, 1, 1024}})
    add_both("k=2", group(65, {9, 34}), h, 0);
  for (const NamedLayout& n : layouts())
    for (int32_t window : {0, 1, 5, 100000}) add_both(n.name, n.layout, odd, window);
  add_both("m=300", group(0, {300}), odd, 70);
  add_both("k=2", group(100, {150, 3}), smol, 64);
  add_both("two groups", group(70, {130, 9}).add(-1, 20).add(3, 65), {4, 2, 32}, 0);
  const Layout small = group(4, {3, 1, 2});
  add_case("attention", "slopes", [=](Check& c) { slopes(c, small, {4, 2, 4}, 0); });
  add_case("attention", "slopes w=3", [=](Check& c) { slopes(c, small, {2, 1, 6}, 3); });
  add_case("attention", "steep scores", [=](Check& c) { steep(c, odd); });
  add_case("attention", "NaN", [=](Check& c) { poison(c, odd); });
  add_planted("attention", "window ignored", [](OpTable& t) { t.attention_forward = window_ignored; });
  add_planted("attention", "scores not scaled", [](OpTable& t) { t.attention_forward = unscaled; });
  add_planted("attention", "prefix not seen", [](OpTable& t) { t.attention_forward = prefix_unseen; });
  add_planted("attention", "bits depend on the batch", [](OpTable& t) { t.attention_forward = bits_of_the_batch; });
  add_planted("attention", "half of a dv lost", [](OpTable& t) { t.attention_backward = second_response_lost; });
  add_planted("attention", "delta forgotten", [](OpTable& t) { t.attention_backward = delta_forgotten; });
});

}  // namespace
}  // namespace test
}  // namespace spar
