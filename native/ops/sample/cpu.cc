// sample on the CPU: rows are the units. Weights exp((z - max) / temperature) of a row lie in the
// first half of its scratch; candidates that survive a threshold, as ids, in the second. Kept ids
// are popped from a heap of the candidates, so that the vocabulary is never sorted.
#include "backends/cpu/kernels.h"
#include "backends/cpu/threads.h"
#include "backends/cpu/vec.h"
#include "ops/head/lse.h"

namespace spar {
namespace SPAR_ISA_NS {

// Terms of one running sum of the unfiltered inverse CDF.
constexpr int64_t kCdfBlock = 512;

SPAR_INLINE LogSumExp row_lse(const float* z, int64_t v) {
  LogSumExp s = lse_start();
  for (int64_t i = 0; i < v; i += kHeadChunk) lse_add(&s, z + i, v - i < kHeadChunk ? v - i : kHeadChunk);
  return s;
}

// The lowest id with the largest logit.
SPAR_INLINE int32_t most_likely(const float* z, int64_t v, float top) {
  for (int64_t i = 0; i < v; i++)
    if (z[i] == top) return static_cast<int32_t>(i);
  return 0;
}

SPAR_INLINE void fill_weights(const float* z, int64_t v, float top, float temperature, float* weight) {
  const vf shift = splat(top), divisor = splat(temperature);
  int64_t i = 0;
  for (; i + kLanes <= v; i += kLanes) store(weight + i, exp((load(z + i) - shift) / divisor));
  const int left = static_cast<int>(v - i);
  if (left) store_some(weight + i, exp((load_some(z + i, left, top) - shift) / divisor), left);
}

// A sum in a fixed order: lanes, then double over blocks.
SPAR_INLINE double block_sum(const float* weight, int64_t n) {
  vf total = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) total += load(weight + i);
  if (i < n) total += load_some(weight + i, static_cast<int>(n - i), 0);
  return static_cast<double>(sum(total));
}

// Inverse CDF over all ids in rising order: finds the block, then the id inside it.
SPAR_INLINE int32_t draw_any(const float* weight, int64_t v, double uniform) {
  double total = 0;
  for (int64_t i = 0; i < v; i += kCdfBlock) total += block_sum(weight + i, v - i < kCdfBlock ? v - i : kCdfBlock);
  const double goal = uniform * total;
  double reached = 0;
  int64_t first = 0, last = 0;  // block in hand; the last id with a weight
  for (int64_t i = 0; i < v; i += kCdfBlock) {
    const double mass = block_sum(weight + i, v - i < kCdfBlock ? v - i : kCdfBlock);
    if (mass == 0) continue;
    first = i;
    if (reached + mass > goal) break;
    reached += mass;
  }
  const int64_t end = first + kCdfBlock < v ? first + kCdfBlock : v;
  for (int64_t i = first; i < end; i++) {
    if (weight[i] == 0) continue;
    last = i;
    reached += static_cast<double>(weight[i]);
    if (reached > goal) break;
  }
  return static_cast<int32_t>(last);
}

struct Above {
  int64_t count;
  double mass;
};

// How many logits reach `threshold`, and the sum of their weights.
SPAR_INLINE Above above(const float* z, const float* weight, int64_t v, float threshold) {
  Above a = {0, 0};
  const vf limit = splat(threshold);
  for (int64_t first = 0; first < v; first += kCdfBlock) {
    const int64_t end = first + kCdfBlock < v ? first + kCdfBlock : v;
    vi count = {};
    vf mass = {};
    int64_t i = first;
    for (; i + kLanes <= end; i += kLanes) {
      const vi in = load(z + i) >= limit;
      count -= in;
      mass += (vf)((vi)load(weight + i) & in);
    }
    for (int l = 0; l < kLanes; l++) a.count += count[l];
    a.mass += static_cast<double>(sum(mass));
    for (; i < end; i++) {
      if (z[i] < threshold) continue;
      a.count++;
      a.mass += static_cast<double>(weight[i]);
    }
  }
  return a;
}

// One row that is filtered.
struct Filter {
  const float* z;
  const float* weight;
  int64_t v;
  SampleParams params;
  float top;
  double total;  // sum of all weights

  bool limits_count() const { return params.top_k > 0 && params.top_k < v; }
  // Whether everything that may be kept lies among the logits that reach the threshold.
  bool covers(const Above& a) const {
    if (limits_count() && a.count >= params.top_k) return true;
    // The margin keeps rounding of the two sums from losing the last id.
    if (!limits_count() && params.top_p < 1 && a.mass >= (params.top_p + 1e-5) * total) return true;
    return a.count == v;
  }
  // Whether looking for a higher threshold costs more than the candidates beyond need.
  bool close(const Above& a) const {
    if (limits_count()) return a.count <= params.top_k + params.top_k / 2 + 64;
    return a.count <= 256 || a.mass <= (params.top_p + 0.01) * total;
  }
  bool before(int32_t a, int32_t b) const { return z[a] > z[b] || (z[a] == z[b] && a < b); }
};

// A threshold that covers with few candidates more than needed. Distances below the top double
// until they cover; then halving finds a tighter one.
SPAR_INLINE float threshold_of(const Filter& f) {
  if (!f.limits_count() && f.params.top_p >= 1) {  // min_p alone; weights decide, see gather
    const float reach = -__builtin_logf(f.params.min_p) * f.params.temperature;
    return f.top - reach - 1e-3f * (reach + __builtin_fabsf(f.top));
  }
  float low = 0, high = f.params.temperature;  // distances: low does not cover, high is to
  Above a = above(f.z, f.weight, f.v, f.top - high);
  for (int i = 0; i < 160 && !f.covers(a); i++) {
    low = high;
    high *= 2;
    a = above(f.z, f.weight, f.v, f.top - high);
  }
  if (!f.covers(a)) return -__builtin_inff();
  for (int i = 0; i < 12 && !f.close(a); i++) {
    const float middle = low + (high - low) / 2;
    const Above b = above(f.z, f.weight, f.v, f.top - middle);
    if (f.covers(b)) {
      high = middle;
      a = b;
    } else {
      low = middle;
    }
  }
  return f.top - high;
}

// The ids whose logits reach the threshold, in rising order. Most blocks have none.
SPAR_INLINE int64_t gather_ids(const float* z, int64_t v, float threshold, int32_t* id) {
  constexpr int64_t block = 64;
  int64_t count = 0;
  for (int64_t first = 0; first < v; first += block) {
    const int64_t end = first + block < v ? first + block : v;
    if (!(largest(z + first, end - first) >= threshold)) continue;
    for (int64_t i = first; i < end; i++)
      if (z[i] >= threshold) id[count++] = static_cast<int32_t>(i);
  }
  return count;
}

SPAR_INLINE void sift_down(const Filter& f, int32_t* heap, int64_t n, int64_t i) {
  const int32_t moved = heap[i];
  for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
    if (child + 1 < n && f.before(heap[child + 1], heap[child])) child++;
    if (!f.before(heap[child], moved)) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = moved;
}

// Moves the first of a heap of n ids to its end, heap[n - 1].
SPAR_INLINE void pop(const Filter& f, int32_t* heap, int64_t n) {
  const int32_t first = heap[0];
  heap[0] = heap[n - 1];
  heap[n - 1] = first;
  sift_down(f, heap, n - 1, 0);
}

// Kept ids are popped in falling order and end up at the end of `id`, the likeliest last.
SPAR_INLINE int32_t draw_filtered(const Filter& f, int32_t* id) {
  const int64_t candidates = gather_ids(f.z, f.v, threshold_of(f), id);
  if (candidates == 0) return most_likely(f.z, f.v, f.top);
  for (int64_t i = candidates / 2; i-- > 0;) sift_down(f, id, candidates, i);
  int64_t popped = 0;
  double total = f.total;  // what top_p is a share of
  if (f.limits_count()) {
    for (total = 0; popped < f.params.top_k && popped < candidates; popped++) {
      pop(f, id, candidates - popped);
      total += static_cast<double>(f.weight[id[candidates - popped - 1]]);
    }
  }
  const int64_t most = f.limits_count() ? popped : candidates;
  double mass = 0;
  int64_t kept = 0;
  for (; kept < most; kept++) {
    if (kept > 0 && f.params.top_p < 1 && mass >= static_cast<double>(f.params.top_p) * total) break;
    if (kept == popped) pop(f, id, candidates - popped), popped++;
    const float weight = f.weight[id[candidates - kept - 1]];
    if (kept > 0 && weight < f.params.min_p) break;
    mass += static_cast<double>(weight);
  }
  double reached = 0;
  for (int64_t i = 0; i + 1 < kept; i++) {
    reached += static_cast<double>(f.weight[id[candidates - i - 1]]);
    if (reached > f.params.uniform * mass) return id[candidates - i - 1];
  }
  return id[candidates - kept];
}

SPAR_INLINE int32_t draw(const float* z, int64_t v, const SampleParams& params, float top, float* scratch) {
  if (params.temperature == 0) return most_likely(z, v, top);
  fill_weights(z, v, top, params.temperature, scratch);
  Filter f = {z, scratch, v, params, top, 0};
  if (!f.limits_count() && params.top_p >= 1 && params.min_p <= 0) return draw_any(scratch, v, params.uniform);
  for (int64_t i = 0; i < v; i += kCdfBlock) f.total += block_sum(scratch + i, v - i < kCdfBlock ? v - i : kCdfBlock);
  return draw_filtered(f, reinterpret_cast<int32_t*>(scratch + v));
}

void sample(const Exec& exec, const Sample& a) {
  exec.backend->threads.parallel(*a.rows, [&](int64_t r, int32_t) {
    const float* z = a.logits + r * a.v;
    const LogSumExp lse = row_lse(z, a.v);
    const int32_t token = draw(z, a.v, a.params[r], lse.top, a.scratch + r * 2 * a.v);
    a.token[r] = token;
    a.logp[r] = lse_logp(lse, z[token]);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
