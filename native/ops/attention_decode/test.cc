// Tests of attention_decode: see tests/op_case.h.
#include <algorithm>
#include <cmath>

#include "ops/attention/test_batch.h"
#include "ops/attention_decode/plain.h"
#include "ops/kv_write/plain.h"

namespace spar {
namespace test {
namespace {

AttentionShape shape_of(Heads h, int32_t window) {
  return {h.heads, h.kv_heads, h.head_dim, window, 1.0f / std::sqrt(static_cast<float>(h.head_dim))};
}

// A key/value pool with the segments of a layout scattered in it, NaN between them; two segments
// lie side by side.
struct Pool {
  KvPool memory;
  std::vector<int64_t> first;  // slot of each segment's first row
};

KvPool pool_of(Check& c, int64_t tokens, int64_t width, int32_t precision) {
  const int64_t slots = pool_slots(tokens), bytes = slots * width * pool_element_bytes(precision);
  return {c.raw(bytes), c.raw(bytes), slots};
}

Pool scattered(Check& c, const Layout& l, Heads h, const float* qkv, int32_t precision) {
  const int64_t segments = static_cast<int64_t>(l.segment.size());
  Pool pool = {pool_of(c, l.rows() + 3 * segments, h.kv_heads * h.head_dim, precision),
               std::vector<int64_t>(l.segment.size())};
  const bool adjacent = segments == 2;
  std::vector<int64_t> slot(static_cast<size_t>(l.rows()));
  int64_t next = 2;
  for (int64_t k = 0; k < segments; k++, next += adjacent ? 0 : 3) {
    const int64_t i = adjacent ? k : segments - 1 - k;
    const spar_segment& s = l.segment[static_cast<size_t>(i)];
    pool.first[static_cast<size_t>(i)] = next;
    for (int64_t r = 0; r < s.num_rows; r++) slot[static_cast<size_t>(s.first_row + r)] = next++;
  }
  DecodeView view = {};
  view.rows = l.rows(), view.slot = slot.data();
  plain::kv_write(c.exec(1, precision), {&view, h.heads, h.kv_heads, h.head_dim, qkv, pool.memory});
  return pool;
}

// Decode rows for chosen rows of a layout whose chains have at most one prefix.
struct Step {
  std::vector<KvSpan> prefix, own;
  std::vector<int64_t> row;

  Step(const Layout& l, const Pool& pool, const std::vector<int64_t>& rows) : row(rows) {
    for (int64_t m : rows) {
      size_t s = 0;
      while (m >= l.segment[s].first_row + l.segment[s].num_rows) s++;
      const int32_t p = l.segment[s].prefix;
      prefix.push_back(p < 0 ? KvSpan{0, 0}
                             : KvSpan{pool.first[static_cast<size_t>(p)], l.segment[static_cast<size_t>(p)].num_rows});
      own.push_back({pool.first[s], m - l.segment[s].first_row + 1});
    }
  }
  DecodeView view() const {
    DecodeView v = {};
    v.rows = static_cast<int32_t>(row.size());
    v.prefix = prefix.data();
    v.own = own.data();
    return v;
  }
};

// The rows' qkv with NaN keys and values: only the queries may be read.
const float* queries(Check& c, const Step& step, Heads h, const float* qkv) {
  float* q = c.output(static_cast<int64_t>(step.row.size()) * h.stride());
  for (size_t i = 0; i < step.row.size(); i++)
    std::copy_n(qkv + step.row[i] * h.stride(), h.out(), q + static_cast<int64_t>(i) * h.stride());
  return q;
}

void decode(Check& c, const Layout& l, Heads h, int32_t window, int32_t precision) {
  const float* qkv = rotated(c, l.rows() * h.stride(), 1, 2, precision);
  const Pool pool = scattered(c, l, h, qkv, precision);
  const BatchView batch = l.view();
  float* trained = c.output(l.rows() * h.out());
  c.kernels().attention_forward(c.exec(2, precision),
                                {&batch, shape_of(h, window), qkv, trained, c.output(l.rows() * h.heads)});
  // All rows at once, as when prompts are prefilled; then every third, as in decoding.
  for (int64_t stride : {1, 3}) {
    std::vector<int64_t> rows;
    for (int64_t m = 0; m < l.rows(); m += stride) rows.push_back(m);
    const Step step(l, pool, rows);
    const DecodeView view = step.view();
    const float* q = queries(c, step, h, qkv);
    const int64_t count = view.rows * h.out();
    const auto args = [&](float* out) { return AttentionDecode{&view, shape_of(h, window), q, pool.memory, out}; };
    for (int32_t n : kThreadCounts) {
      float* out = c.output(count);
      c.kernels().attention_decode(c.exec(n, precision), args(out));
      for (size_t i = 0; i < rows.size(); i++)
        c.same_bits("a row and the same row in training", out + static_cast<int64_t>(i) * h.out(),
                    trained + rows[i] * h.out(), h.out());
    }
    float *got = c.output(count), *truth = c.output(count), *yardstick = c.output(count);
    c.kernels().attention_decode(c.exec(1, precision), args(got));
    c.reference().attention_decode(c.exec(1, precision), args(truth));
    plain::attention_decode<float>(c.exec(1, precision), args(yardstick));
    c.near("out", got, truth, yardstick, count);
  }
}

// A chain much longer than what scratch could hold of scores.
void long_chain(Check& c, int32_t precision) {
  const Heads h = {1, 1, 2};
  const int64_t count = 131072;
  const KvPool pool = pool_of(c, count, 2, precision);
  const float *qkv = rotated(c, count * h.stride(), 1, 4, precision), *q = rotated(c, h.stride(), 3, 1, precision);
  std::vector<int64_t> slot(static_cast<size_t>(count));
  for (size_t i = 0; i < slot.size(); i++) slot[i] = static_cast<int64_t>(i);
  DecodeView written = {};
  written.rows = count, written.slot = slot.data();
  plain::kv_write(c.exec(1, precision), {&written, 1, 1, 2, qkv, pool});
  const KvSpan prefix = {0, count - 5}, own = {count - 5, 5};
  DecodeView view = {};
  view.rows = 1, view.prefix = &prefix, view.own = &own;
  float *out = c.output(2), *truth = c.output(2), *yardstick = c.output(2);
  const auto args = [&](float* to) { return AttentionDecode{&view, shape_of(h, 0), q, pool, to}; };
  c.kernels().attention_decode(c.exec(2, precision), args(out));
  c.reference().attention_decode(c.exec(1, precision), args(truth));
  plain::attention_decode<float>(c.exec(1, precision), args(yardstick));
  c.near("out", out, truth, yardstick, 2);
}

void prefix_unseen(const Exec& e, const AttentionDecode& a) {
  std::vector<KvSpan> none(static_cast<size_t>(a.decode->rows), KvSpan{0, 0});
  DecodeView view = *a.decode;
  view.prefix = none.data();
  AttentionDecode b = a;
  b.decode = &view;
  genuine().attention_decode(e, b);
}
void window_off_by_one(const Exec& e, const AttentionDecode& a) {
  AttentionDecode b = a;
  if (b.shape.window > 0) b.shape.window++;
  genuine().attention_decode(e, b);
}
// The same numbers in another order of summation: near the truth, but not the bits of training.
void spans_joined(const Exec& e, const AttentionDecode& a) {
  std::vector<KvSpan> none(static_cast<size_t>(a.decode->rows), KvSpan{0, 0}),
      own(a.decode->own, a.decode->own + a.decode->rows);
  bool joined = true;
  for (int32_t m = 0; m < a.decode->rows; m++) {
    const KvSpan& prefix = a.decode->prefix[m];
    if (prefix.count == 0) continue;
    joined &= prefix.first + prefix.count == own[static_cast<size_t>(m)].first;
    own[static_cast<size_t>(m)] = {prefix.first, prefix.count + own[static_cast<size_t>(m)].count};
  }
  DecodeView view = *a.decode;
  view.prefix = none.data(), view.own = own.data();
  AttentionDecode b = a;
  if (joined) b.decode = &view;
  genuine().attention_decode(e, b);
}

void add(const std::string& name, const Layout& l, Heads h, int32_t window) {
  const std::string full = name + "," + h.name() + (window ? ",w=" + std::to_string(window) : "");
  for (int32_t precision : {SPAR_FP32, SPAR_BF16})
    add_case("attention_decode", precision_name(precision) + full,
             [=](Check& c) { decode(c, l, h, window, precision); });
}

const Registration cases([] {
  const Heads smol = {9, 3, 64}, odd = {3, 1, 10};
  for (int32_t m : {1, 2, 17, 63, 64, 65, 129})
    for (Heads h : {smol, Heads{2, 2, 2}}) add("m=" + std::to_string(m), group(0, {m}), h, 0);
  for (Heads h : {odd, Heads{8, 2, 80}, Heads{2, 1, 128}, Heads{7, 1, 64}, Heads{100, 1, 8}, Heads{2, 1, 1024}})
    add("k=2", group(65, {9, 34}), h, 0);
  for (int32_t window : {0, 1, 5, 64, 100000}) {
    add("k=1", group(20, {13}), odd, window);
    add("k=3", group(130, {70, 1, 17}), odd, window);
    add("k=5", group(1, {1, 2, 17, 1, 5}), odd, window);
    Layout groups = group(17, {9, 3});
    groups.add(-1, 66).add(3, 1).add(3, 40).add(-1, 1);
    add("groups", groups, odd, window);
  }
  for (int32_t precision : {SPAR_FP32, SPAR_BF16})
    add_case("attention_decode", precision_name(precision) + "131072 keys",
             [=](Check& c) { long_chain(c, precision); });
  add_planted("attention_decode", "prefix not seen", [](OpTable& t) { t.attention_decode = prefix_unseen; });
  add_planted("attention_decode", "window off by one", [](OpTable& t) { t.attention_decode = window_off_by_one; });
  add_planted("attention_decode", "prefix and own span walked as one",
              [](OpTable& t) { t.attention_decode = spans_joined; });
});

}  // namespace
}  // namespace test
}  // namespace spar
