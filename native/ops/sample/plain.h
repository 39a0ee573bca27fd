// sample/op.h as plain loops in the precision Real: double is the reference, float the yardstick
// that the kernels' errors are measured with.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ops/sample/op.h"

namespace spar {
namespace plain {

// The ids that may be drawn, in the order of the inverse CDF, and the probability of each.
template <class Real>
struct Kept {
  std::vector<int32_t> id;
  std::vector<Real> share;
};

inline bool filtered(const SampleParams& p, int64_t v) {
  return (p.top_k > 0 && p.top_k < v) || p.top_p < 1.0f || p.min_p > 0.0f;
}

template <class Real>
Kept<Real> sample_kept(const float* z, int64_t v, const SampleParams& p) {
  Kept<Real> kept;
  for (int64_t i = 0; i < v; i++) kept.id.push_back(static_cast<int32_t>(i));
  auto falling = [z](int32_t a, int32_t b) { return z[a] > z[b] || (z[a] == z[b] && a < b); };
  if (p.temperature == 0.0f) {
    kept.id = {*std::min_element(kept.id.begin(), kept.id.end(), falling)};
    kept.share = {Real(1)};
    return kept;
  }
  Real top = z[0];
  for (int64_t i = 0; i < v; i++) top = Real(z[i]) > top ? Real(z[i]) : top;
  auto weight = [&](int32_t id) { return std::exp((Real(z[id]) - top) / Real(p.temperature)); };
  if (filtered(p, v)) {
    std::sort(kept.id.begin(), kept.id.end(), falling);
    if (p.top_k > 0 && p.top_k < v) kept.id.resize(p.top_k);
    Real total = 0, reached = 0;
    for (int32_t id : kept.id) total += weight(id);
    size_t count = 0;
    for (; count < kept.id.size(); count++) {
      if (count > 0 && reached >= Real(p.top_p) * total && p.top_p < 1.0f) break;
      if (count > 0 && weight(kept.id[count]) < Real(p.min_p)) break;
      reached += weight(kept.id[count]);
    }
    kept.id.resize(count);
  }
  Real total = 0;
  for (int32_t id : kept.id) total += weight(id);
  for (int32_t id : kept.id) kept.share.push_back(weight(id) / total);
  return kept;
}

// log-softmax of z[id] at temperature 1.
template <class Real>
Real sample_logp(const float* z, int64_t v, int64_t id) {
  Real top = z[0], sum = 0;
  for (int64_t i = 0; i < v; i++) top = Real(z[i]) > top ? Real(z[i]) : top;
  for (int64_t i = 0; i < v; i++) sum += std::exp(Real(z[i]) - top);
  return (Real(z[id]) - top) - std::log(sum);
}

template <class Real>
void sample(const Exec&, const Sample& a) {
  for (int64_t r = 0; r < *a.rows; r++) {
    const float* z = a.logits + r * a.v;
    const Kept<Real> kept = sample_kept<Real>(z, a.v, a.params[r]);
    Real reached = 0;
    size_t i = 0;
    for (; i + 1 < kept.id.size(); i++) {
      reached += kept.share[i];
      if (reached > Real(a.params[r].uniform)) break;
    }
    a.token[r] = kept.id[i];
    a.logp[r] = static_cast<float>(sample_logp<Real>(z, a.v, kept.id[i]));
  }
}

}  // namespace plain
}  // namespace spar
