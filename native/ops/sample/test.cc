// Tests of sample: see tests/op_case.h. A draw is right when its uniform number lies in the
// token's interval of the reference's inverse CDF, give or take the rounding of float sums.
#include <cmath>
#include <string>
#include <vector>

#include "ops/sample/plain.h"
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

// Largest error of a cumulative probability: weights carry a few 2^-24, sums less.
constexpr double kSlack = 2e-6;

struct Settings {
  const char* name;
  SampleParams params;
  float spread;  // logits lie in +-spread
  float step;    // 0, or logits are multiples of it, so that many tie
};

std::vector<SampleParams> grid(const SampleParams& p, int64_t rows) {
  std::vector<SampleParams> all(rows, p);
  for (int64_t r = 0; r < rows; r++) all[r].uniform = (static_cast<double>(r) + 0.413) / static_cast<double>(rows);
  all.back().uniform = 1 - 0x1p-53;
  return all;
}

// rows x v logits; every row the same, so that the uniform numbers sweep one distribution.
const float* logits(Check& c, int64_t rows, int64_t v, const Settings& s) {
  const float* one = c.input(v, 7, -s.spread, s.spread);
  float* all = c.output(rows * v);
  for (int64_t i = 0; i < rows * v; i++) {
    const float z = one[i % v];
    all[i] = s.step > 0 ? std::round(z / s.step) * s.step : z;
  }
  return all;
}

struct Draws {
  int32_t* token;
  float* logp;
};
Draws draw(Check& c, const OpTable& table, int32_t n, const float* z, int64_t rows, int64_t v, const SampleParams* p) {
  const Draws d = {static_cast<int32_t*>(c.raw(rows * 4)), c.output(rows)};
  table.sample(c.exec(n), {c.rows(rows), z, p, d.token, d.logp, c.output(rows * 2 * v), v});
  return d;
}

void in_interval(Check& c, const plain::Kept<double>& kept, int32_t token, double uniform) {
  double low = 0;
  size_t i = 0;
  for (; i < kept.id.size() && kept.id[i] != token; i++) low += kept.share[i];
  if (i == kept.id.size())
    return c.expect(false, "token %d at uniform %.9g is not one of the %zu kept", token, uniform, kept.id.size());
  c.expect(uniform >= low - kSlack && uniform <= low + kept.share[i] + kSlack,
           "token %d drawn at uniform %.9g; its interval is [%.9g, %.9g]", token, uniform, low, low + kept.share[i]);
}

void draws(Check& c, const Settings& s, int64_t rows, int64_t v) {
  const float* z = logits(c, rows, v, s);
  const std::vector<SampleParams> params = grid(s.params, rows);
  const Draws got = draw(c, c.kernels(), 2, z, rows, v, params.data());
  const plain::Kept<double> kept = plain::sample_kept<double>(z, v, s.params);
  float *truth = c.output(rows), *yardstick = c.output(rows);
  for (int64_t r = 0; r < rows; r++) {
    if (got.token[r] < 0 || got.token[r] >= v)
      return c.expect(false, "token %d is not in [0, %lld)", got.token[r], static_cast<long long>(v));
    in_interval(c, kept, got.token[r], params[r].uniform);
    truth[r] = static_cast<float>(plain::sample_logp<double>(z, v, got.token[r]));
    yardstick[r] = plain::sample_logp<float>(z, v, got.token[r]);
  }
  c.near("logp", got.logp, truth, yardstick, rows);
  for (int32_t n : kThreadCounts) {
    const Draws again = draw(c, c.kernels(), n, z, rows, v, params.data());
    c.same_bits("token with other threads", reinterpret_cast<float*>(again.token), reinterpret_cast<float*>(got.token),
                rows);
    c.same_bits("logp with other threads", again.logp, got.logp, rows);
  }
  const Draws last = draw(c, c.kernels(), 1, z, 1, v, &params.back());
  c.expect(last.token[0] == got.token[rows - 1], "a row alone drew %d, in the batch %d", last.token[0],
           got.token[rows - 1]);
}

// Rows of one call with different settings do not disturb each other.
void mixed(Check& c) {
  const int64_t v = 301, rows = 6;
  const float* z = c.input(rows * v, 9, -4, 4);
  const std::vector<SampleParams> params = {{0, 1, 0, 0, 0.5},     {1, 1, 0, 0, 0.5},    {0.7f, 0.9f, 0, 0, 0.25},
                                            {1, 1, 0.2f, 0, 0.75}, {1.5f, 1, 0, 3, 0.9}, {1, 0.5f, 0.1f, 20, 0.1}};
  const Draws got = draw(c, c.kernels(), 2, z, rows, v, params.data());
  for (int64_t r = 0; r < rows; r++) {
    in_interval(c, plain::sample_kept<double>(z + r * v, v, params[r]), got.token[r], params[r].uniform);
    const Draws alone = draw(c, c.kernels(), 1, z + r * v, 1, v, &params[r]);
    c.expect(alone.token[0] == got.token[r], "row %lld alone drew %d, in the batch %d", static_cast<long long>(r),
             alone.token[0], got.token[r]);
    c.same_bits("logp of a row alone", alone.logp, got.logp + r, 1);
  }
}

// NaN logits must still give an id inside the vocabulary.
void not_a_number(Check& c) {
  const int64_t v = 70;
  for (const SampleParams& p :
       {SampleParams{1, 1, 0, 0, 0.5}, {1, 0.9f, 0, 0, 0.5}, {1, 1, 0, 5, 0.5}, {0, 1, 0, 0, 0.5}}) {
    const Draws d = draw(c, c.kernels(), 1, c.output(v), 1, v, &p);
    c.expect(d.token[0] >= 0 && d.token[0] < v, "token %d", d.token[0]);
    c.expect(std::isnan(d.logp[0]), "logp %g", static_cast<double>(d.logp[0]));
  }
}

// ---- planted bugs

template <class Change>
void with_params(const Exec& e, const Sample& a, Change change) {
  std::vector<SampleParams> params(a.params, a.params + *a.rows);
  for (SampleParams& p : params) change(p);
  Sample b = a;
  b.params = params.data();
  genuine().sample(e, b);
}
void ignore_min_p(const Exec& e, const Sample& a) {
  with_params(e, a, [](SampleParams& p) { p.min_p = 0; });
}
void one_too_many(const Exec& e, const Sample& a) {
  with_params(e, a, [](SampleParams& p) { p.top_k += p.top_k > 0; });
}
void mirrored(const Exec& e, const Sample& a) {
  with_params(e, a, [](SampleParams& p) { p.uniform = 1 - 0x1p-53 - p.uniform; });
}
void highest_tie(const Exec& e, const Sample& a) {
  genuine().sample(e, a);
  for (int32_t r = 0; r < *a.rows; r++)
    for (int64_t i = 0; i < a.v; i++)
      if (a.logits[r * a.v + i] == a.logits[r * a.v + a.token[r]]) a.token[r] = static_cast<int32_t>(i);
}
void logp_of_the_wrong_row(const Exec& e, const Sample& a) {
  genuine().sample(e, a);
  for (int32_t r = 1; r < *a.rows; r++) a.logp[r] = a.logp[r - 1];
}

const Settings kSettings[] = {
    {"greedy", {0, 1, 0, 0, 0}, 5, 0},
    {"greedy ties", {0, 1, 0, 0, 0}, 2, 1},
    {"plain", {1, 1, 0, 0, 0}, 5, 0},
    {"hot", {3, 1, 0, 0, 0}, 5, 0},
    {"cold", {0.05f, 1, 0, 0, 0}, 5, 0},
    {"top_k=1", {1, 1, 0, 1, 0}, 3, 0},
    {"top_k=40", {0.8f, 1, 0, 40, 0}, 3, 0},
    {"top_k=7 ties", {1, 1, 0, 7, 0}, 2, 1},
    {"top_k larger than the vocabulary", {1, 1, 0, 1000000, 0}, 3, 0},
    {"top_p=0.9", {1, 0.9f, 0, 0, 0}, 6, 0},
    {"top_p=0.3 ties", {1, 0.3f, 0, 0, 0}, 2, 0.5f},
    {"top_p=0", {1, 0, 0, 0, 0}, 3, 0},
    {"top_p=0.9999999", {1, 0.9999999f, 0, 0, 0}, 3, 0},
    {"min_p=0.1", {1, 1, 0.1f, 0, 0}, 6, 0},
    {"min_p=1.5", {1, 1, 1.5f, 0, 0}, 6, 0},
    {"all", {0.9f, 0.8f, 0.02f, 50, 0}, 5, 0},
    {"all equal", {1, 0.5f, 0, 0, 0}, 0, 0},
};

const Registration cases_of_sample([] {
  for (const Settings& s : kSettings) {
    for (int64_t v : {1, 2, 67, 1024, 5003}) {
      const int64_t rows = v > 2000 ? 9 : 40;
      add_case("sample", std::string(s.name) + " r=" + std::to_string(rows) + ",v=" + std::to_string(v),
               [=](Check& c) { draws(c, s, rows, v); });
    }
  }
  add_case("sample", "mixed settings", mixed);
  add_case("sample", "NaN", not_a_number);
  add_planted("sample", "min_p ignored", [](OpTable& t) { t.sample = ignore_min_p; });
  add_planted("sample", "top_k keeps one too many", [](OpTable& t) { t.sample = one_too_many; });
  add_planted("sample", "inverse CDF runs backwards", [](OpTable& t) { t.sample = mirrored; });
  add_planted("sample", "ties go to the highest id", [](OpTable& t) { t.sample = highest_tie; });
  add_planted("sample", "logp of another row", [](OpTable& t) { t.sample = logp_of_the_wrong_row; });
});

}  // namespace
}  // namespace test
}  // namespace spar
