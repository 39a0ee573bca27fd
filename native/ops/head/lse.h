// log-sum-exp and entropy of a row of logits, taken in chunks of kHeadChunk columns in ascending
// order. head gets its logits chunk by chunk and sample all at once; both end with the same bits.
// Entropy: Milakov & Gimelshein 2018 (arXiv 1805.02867) carried one moment further: with
// W = sum (z - top) exp(z - top), a new top shifts W by S (old top - new top) before the scaling.
#pragma once
#include <cstdint>

#include "backends/cpu/vec.h"
#include "ops/head/op.h"

namespace spar {
namespace SPAR_ISA_NS {

struct LogSumExp {
  float top;       // largest logit so far
  float sum;       // sum exp(z - top)
  float weighted;  // sum (z - top) exp(z - top)
};

SPAR_INLINE float largest(const float* z, int64_t n) {
  vf a = splat(-__builtin_inff()), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a = max(load(z + i), a);
    b = max(load(z + i + kLanes), b);
    c = max(load(z + i + 2 * kLanes), c);
    d = max(load(z + i + 3 * kLanes), d);
  }
  for (; i + kLanes <= n; i += kLanes) a = max(load(z + i), a);
  if (i < n) b = max(load_some(z + i, static_cast<int>(n - i), -__builtin_inff()), b);
  return max(max(max(a, b), max(c, d)));
}

SPAR_INLINE LogSumExp lse_start() { return {-__builtin_inff(), 0, 0}; }

// One of the two chains of a chunk takes in a vector.
SPAR_INLINE void lse_take(vf z, vf shift, vf* sum, vf* weighted) {
  const vf d = z - shift, e = exp(d);
  *sum += e;
  *weighted += d * e;
}

// Takes in the next chunk, n <= kHeadChunk. Returns the chunk's sum exp(z - s->top). ahead: the next
// chunk lies behind this one and is not in a cache. It is asked for meanwhile: looking for the largest logit is all
// memory, the sums are all arithmetic, and each would wait for the other.
SPAR_INLINE float lse_add(LogSumExp* s, const float* z, int64_t n, bool ahead = false) {
  const float chunk_top = largest(z, n), top = chunk_top > s->top ? chunk_top : s->top;
  const vf shift = splat(top);
  vf sum[2] = {}, weighted[2] = {};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    if (ahead) {  // at two places: one alone does not use all the fetches that a core may have under way
      __builtin_prefetch(z + n + i / 2);
      __builtin_prefetch(z + n + n / 2 + i / 2);
    }
    lse_take(load(z + i), shift, &sum[0], &weighted[0]);
    lse_take(load(z + i + kLanes), shift, &sum[1], &weighted[1]);
  }
  // -1e30 past the end: its exp is 0, and so is its product with it.
  int j = 0;
  for (; i + kLanes <= n; i += kLanes, j++) lse_take(load(z + i), shift, &sum[j], &weighted[j]);
  if (i < n) lse_take(load_some(z + i, static_cast<int>(n - i), -1e30f), shift, &sum[j], &weighted[j]);
  if (s->sum != 0) {
    const float moved = s->top - top, scale = exp(splat(moved))[0];
    s->weighted = (s->weighted + s->sum * moved) * scale;
    s->sum *= scale;
  }
  const float mass = spar::SPAR_ISA_NS::sum(sum[0] + sum[1]);
  s->top = top;
  s->sum += mass;
  s->weighted += spar::SPAR_ISA_NS::sum(weighted[0] + weighted[1]);
  return mass;
}

SPAR_INLINE float lse_value(const LogSumExp& s) {
  return static_cast<float>(s.top + __builtin_log(static_cast<double>(s.sum)));
}
// log-softmax of a logit; more exact than logit - lse_value(), which is rounded at the logits' size.
SPAR_INLINE float lse_logp(const LogSumExp& s, float logit) {
  return static_cast<float>(static_cast<double>(logit - s.top) - __builtin_log(static_cast<double>(s.sum)));
}
SPAR_INLINE float lse_entropy(const LogSumExp& s) {
  return static_cast<float>(__builtin_log(static_cast<double>(s.sum)) - static_cast<double>(s.weighted) / s.sum);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
