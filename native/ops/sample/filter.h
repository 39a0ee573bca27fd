// Draws from a filtered row without sorting it. In falling order of the logits (ties by rising id)
// each filter keeps a beginning of the row, and the draw is a place in it. A histogram over the
// distance from the largest logit says in which bin such a place lies; only that bin is sorted.
#pragma once
#include "backends/cpu/vec.h"
#include "ops/sample/op.h"

namespace spar {
namespace SPAR_ISA_NS {

// Bins of the histogram. What is further away than its reach, kReach temperatures at most, is in
// one more; each lane has that for itself, because additions to one bin wait for each other.
constexpr int64_t kBins = 1024;
constexpr float kReach = 16;

struct Bin {
  double mass;
  int64_t count;
};

// weight[i] = exp((z[i] - top) inverse), also where n is not a multiple of the lanes. Returns the
// smallest logit.
SPAR_INLINE float fill_weights(const float* z, int64_t n, float top, float inverse, float* weight) {
  const vf shift = splat(top), factor = splat(inverse);
  vf bottom = shift;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const vf x = load(z + i);
    bottom = min(bottom, x);
    store(weight + i, exp((x - shift) * factor));
  }
  const int left = static_cast<int>(n - i);
  if (left) {
    const vf x = load_some(z + i, left, top);
    bottom = min(bottom, x);
    store_some(weight + i, exp((x - shift) * factor), left);
  }
  return -max(-bottom);
}

// One row. After open(bin) the bin's ids lie in `id` in falling order.
struct Filtered {
  const float* z;
  const float* weight;
  int64_t v;
  SampleParams params;
  float top;
  float* own;   // memory of the thread, for the histogram
  int32_t* id;  // [v]
  float scale = 0;
  int64_t opened = -1, ids = 0;

  Bin* bins() const { return reinterpret_cast<Bin*>(own); }
  bool before(int32_t a, int32_t b) const { return z[a] > z[b] || (z[a] == z[b] && a < b); }
  // The bins that the logits of a vector belong to; never falling with the distance.
  vi bin_of(vf x) const {
    return __builtin_convertvector(min((splat(top) - x) * splat(scale), splat(static_cast<float>(kBins))), vi);
  }
};

struct Above {
  int64_t count;
  double mass;
};

// How many logits reach `threshold`, and the sum of their weights.
SPAR_INLINE Above above(const Filtered& f, float threshold) {
  constexpr int64_t kBlock = 512;  // terms of one float sum
  Above a = {0, 0};
  const vf limit = splat(threshold);
  for (int64_t first = 0; first < f.v; first += kBlock) {
    const int64_t end = first + kBlock < f.v ? first + kBlock : f.v;
    vi count = {};
    vf mass = {};
    int64_t i = first;
    for (; i + kLanes <= end; i += kLanes) {
      const vi in = load(f.z + i) >= limit;
      count -= in;
      mass += (vf)((vi)load(f.weight + i) & in);
    }
    for (int l = 0; l < kLanes; l++) a.count += count[l];
    a.mass += static_cast<double>(sum(mass));
    for (; i < end; i++) {
      if (!(f.z[i] >= threshold)) continue;
      a.count++;
      a.mass += static_cast<double>(f.weight[i]);
    }
  }
  return a;
}

// A distance from the largest logit, in temperatures, within which `count` ids or `mass` lie.
SPAR_INLINE float reach_of(const Filtered& f, float inverse, int64_t count, double mass) {
  for (float reach = 1; reach < kReach; reach *= 2) {
    const Above a = above(f, f.top - reach / inverse);
    if (a.count >= count || a.mass >= mass) return reach;
  }
  return kReach;
}

// The histogram up to `reach`. What is beyond is not counted in full: open_bin looks at all of it.
SPAR_INLINE void count_bins(Filtered& f, float inverse, float reach) {
  const float scale = static_cast<float>(kBins) / reach * inverse;
  f.scale = scale < 1e30f ? scale : 1e30f;
  Bin* bins = f.bins();
  for (int64_t b = 0; b < kBins + kLanes; b++) bins[b] = {0, 0};
  int32_t bin[kLanes];
  vi lane;
  for (int l = 0; l < kLanes; l++) lane[l] = l;
  for (int64_t i = 0; i < f.v; i += kLanes) {
    const int n = static_cast<int>(f.v - i < kLanes ? f.v - i : kLanes);
    vi b = f.bin_of(n == kLanes ? load(f.z + i) : load_some(f.z + i, n, f.top));
    const vi far = b == static_cast<int32_t>(kBins);
    if (!any(~far)) continue;
    b += far & lane;
    std::memcpy(bin, &b, sizeof bin);
    for (int l = 0; l < n; l++) {
      bins[bin[l]].mass += static_cast<double>(f.weight[i + l]);
      bins[bin[l]].count++;
    }
  }
}

// Restores the order of a heap, the last id on top, whose element i may come too early.
SPAR_INLINE void sift_down(const Filtered& f, int32_t* heap, int64_t n, int64_t i) {
  const int32_t moved = heap[i];
  for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
    if (child + 1 < n && f.before(heap[child], heap[child + 1])) child++;
    if (!f.before(moved, heap[child])) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = moved;
}

// Falling logits, ties by rising id. Equal logits come sorted.
SPAR_INLINE void sort_ids(const Filtered& f, int32_t* id, int64_t n) {
  int64_t sorted = 1;
  while (sorted < n && f.before(id[sorted - 1], id[sorted])) sorted++;
  if (sorted >= n) return;
  for (int64_t i = n / 2; i-- > 0;) sift_down(f, id, n, i);
  for (int64_t last = n - 1; last > 0; last--) {
    const int32_t moved = id[0];
    id[0] = id[last];
    id[last] = moved;
    sift_down(f, id, last, 0);
  }
}

// Gathers and sorts the ids of a bin, unless they are at hand.
SPAR_INLINE void open_bin(Filtered& f, int64_t bin) {
  if (f.opened == bin) return;
  f.opened = bin;
  f.ids = 0;
  const int64_t count = bin < kBins ? f.bins()[bin].count : f.v;
  for (int64_t i = 0; f.ids < count && i < f.v; i += kLanes) {
    const int n = static_cast<int>(f.v - i < kLanes ? f.v - i : kLanes);
    const vi b = f.bin_of(n == kLanes ? load(f.z + i) : load_some(f.z + i, n, f.top));
    const vi in = b == static_cast<int32_t>(bin);
    if (!any(in)) continue;
    for (int l = 0; l < n; l++)
      if (in[l]) f.id[f.ids++] = static_cast<int32_t>(i + l);
  }
  sort_ids(f, f.id, f.ids);
}

// A beginning of the row: all bins before `bin` and the first `count` ids of that.
struct Beginning {
  int64_t bin, count;
  double mass;
};

// The shortest beginning that has `count` ids or `mass`, whichever comes first, and at least one.
SPAR_INLINE Beginning beginning(Filtered& f, int64_t count, double mass) {
  Beginning b = {0, 0, 0};
  for (;; b.bin++) {
    const Bin& bin = f.bins()[b.bin];
    if (b.bin == kBins || bin.count >= count || b.mass + bin.mass >= mass) break;
    count -= bin.count;
    b.mass += bin.mass;
  }
  open_bin(f, b.bin);
  for (; b.count < f.ids && b.count < count && (b.mass < mass || b.count == 0); b.count++)
    b.mass += static_cast<double>(f.weight[f.id[b.count]]);
  return b;
}

// The id at the place `uniform` of a beginning, by inverse CDF.
SPAR_INLINE int32_t draw_from(Filtered& f, const Beginning& kept) {
  const double goal = f.params.uniform * kept.mass;
  int64_t found = 0;
  double reached = 0, mass = 0;  // before the bin found, and its own
  for (int64_t b = 0; b <= kept.bin && reached + mass <= goal; b++) {
    const bool last = b == kept.bin;
    if (last ? kept.count == 0 : f.bins()[b].mass == 0) continue;
    reached += mass;
    mass = f.bins()[b].mass;
    found = b;
  }
  open_bin(f, found);
  const int64_t end = (found == kept.bin ? kept.count : f.ids) - 1;
  int64_t i = 0;
  for (; i < end; i++) {
    reached += static_cast<double>(f.weight[f.id[i]]);
    if (reached > goal) break;
  }
  return f.id[i];
}

SPAR_INLINE int64_t count_reaching(const float* weight, int64_t n, float least) {
  const vf limit = splat(least);
  vi found = {};
  int64_t i = 0, count = 0;
  for (; i + kLanes <= n; i += kLanes) found -= load(weight + i) >= limit;
  for (int l = 0; l < kLanes; l++) count += found[l];
  for (; i < n; i++) count += weight[i] >= least;
  return count;
}

// min_p keeps as many ids as reach it, because weights fall with the logits.
SPAR_INLINE int32_t draw_filtered(Filtered& f, float inverse, float bottom) {
  const SampleParams& p = f.params;
  const double all = static_cast<double>(__builtin_inff());
  const bool limited = p.top_k > 0 && p.top_k < f.v, share = p.top_p < 1;
  int64_t most = limited ? p.top_k : f.v, count = most;
  if (p.min_p > 0) {
    const int64_t reach = count_reaching(f.weight, f.v, p.min_p);
    count = reach < 1 ? 1 : reach < count ? reach : count;
  }
  double total = share && !limited ? above(f, bottom).mass : all;  // what top_p is a share of
  // Sums differ in rounding: a margin keeps the last id inside.
  const double enough = share && !limited ? (static_cast<double>(p.top_p) + 1e-5) * total : all;
  const float spread = (f.top - bottom) * inverse, reach = reach_of(f, inverse, share ? most : count, enough);
  count_bins(f, inverse, (spread < reach ? spread : reach) * 1.001f);
  if (share && limited) total = beginning(f, most, all).mass;
  return draw_from(f, beginning(f, count, share ? static_cast<double>(p.top_p) * total : all));
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
