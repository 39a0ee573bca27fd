// sample on the CPU: rows are the units. One walk over a row in head's chunks gives its log-sum-exp
// and the mass of each chunk, which is all that an unfiltered draw needs: it finds the chunk and
// computes the weights of that one again. Filtered rows are in filter.h.
#include "backends/cpu/kernels.h"
#include "backends/cpu/threads.h"
#include "backends/cpu/vec.h"
#include "ops/head/lse.h"
#include "ops/sample/filter.h"

namespace spar {
namespace SPAR_ISA_NS {

// Terms of one sum inside a chunk.
constexpr int64_t kCdfBlock = 128;

// The largest logit before and in a chunk, and the chunk's sum of weights relative to it.
struct ChunkMass {
  float top, mass;
};

// The row as its first walk leaves it.
struct Row {
  const float* z;
  int64_t v;
  SampleParams params;
  float inverse;  // of the temperature
  LogSumExp lse;
  int64_t top_chunk;  // the first chunk that holds the largest logit
};

SPAR_INLINE int64_t chunk_size(int64_t v, int64_t first) { return v - first < kHeadChunk ? v - first : kHeadChunk; }

// exp((z - top) inverse) in fixed order: lanes, then their tree.
SPAR_INLINE float chunk_mass(const float* z, int64_t n, float top, float inverse) {
  const vf shift = splat(top), factor = splat(inverse);
  vf a = {}, b = {};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    a += exp((load(z + i) - shift) * factor);
    b += exp((load(z + i + kLanes) - shift) * factor);
  }
  for (; i + kLanes <= n; i += kLanes) a += exp((load(z + i) - shift) * factor);
  if (i < n) b += exp((load_some(z + i, static_cast<int>(n - i), -__builtin_inff()) - shift) * factor);
  return sum(a + b);
}

// Fills in lse and top_chunk; with `chunks` also the masses that draw_any needs.
SPAR_INLINE void walk(Row& row, ChunkMass* chunks) {
  row.lse = lse_start();
  for (int64_t c = 0, first = 0; first < row.v; c++, first += kHeadChunk) {
    const float before = row.lse.top;
    const float mass = lse_add(&row.lse, row.z + first, chunk_size(row.v, first), true);
    if (row.lse.top > before) row.top_chunk = c;
    if (chunks == nullptr) continue;
    const bool same = row.inverse == 1;
    chunks[c] = {row.lse.top,
                 same ? mass : chunk_mass(row.z + first, chunk_size(row.v, first), row.lse.top, row.inverse)};
  }
}

// The lowest id with the largest logit.
SPAR_INLINE int32_t most_likely(const Row& row) {
  const int64_t first = row.top_chunk * kHeadChunk, end = first + chunk_size(row.v, first);
  for (int64_t i = first; i < end; i++)
    if (row.z[i] == row.lse.top) return static_cast<int32_t>(i);
  return 0;
}

SPAR_INLINE double block_sum(const float* weight, int64_t n) {
  vf total = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) total += load(weight + i);
  if (i < n) total += load_some(weight + i, static_cast<int>(n - i), 0);
  return static_cast<double>(sum(total));
}

// Inverse CDF over n weights in rising order: finds the block, then the id inside it. Rounding may
// leave the goal beyond the end; then it is the last id that has a weight.
SPAR_INLINE int64_t draw_inside(const float* weight, int64_t n, double goal) {
  double reached = 0, mass = 0;  // before the block found, and its own
  int64_t block = 0, last = 0;
  for (int64_t i = 0; i < n && reached + mass <= goal; i += kCdfBlock) {
    const double next = block_sum(weight + i, n - i < kCdfBlock ? n - i : kCdfBlock);
    if (next == 0) continue;
    reached += mass;
    mass = next;
    block = i;
  }
  for (int64_t i = block; i < n && i < block + kCdfBlock; i++) {
    if (weight[i] == 0) continue;
    last = i;
    reached += static_cast<double>(weight[i]);
    if (reached > goal) break;
  }
  return last;
}

// Inverse CDF over all ids in rising order: finds the chunk, then the id inside it.
SPAR_INLINE int32_t draw_any(const Row& row, const ChunkMass* chunks, float* weight) {
  const int64_t count = (row.v + kHeadChunk - 1) / kHeadChunk;
  auto scale = [&](int64_t c) {
    return static_cast<double>(exp(splat((chunks[c].top - row.lse.top) * row.inverse))[0]);
  };
  double total = 0;
  for (int64_t c = 0; c < count; c++) total += static_cast<double>(chunks[c].mass) * scale(c);
  const double goal = row.params.uniform * total;
  double reached = 0, mass = 0;  // before the chunk found, and its own
  int64_t found = 0;
  for (int64_t c = 0; c < count && reached + mass <= goal; c++) {
    const double next = static_cast<double>(chunks[c].mass) * scale(c);
    if (next == 0) continue;
    reached += mass;
    mass = next;
    found = c;
  }
  const int64_t first = found * kHeadChunk, n = chunk_size(row.v, first);
  fill_weights(row.z + first, n, chunks[found].top, row.inverse, weight);
  return static_cast<int32_t>(first + draw_inside(weight, n, (goal - reached) / scale(found)));
}

SPAR_INLINE bool filters(const SampleParams& p, int64_t v) {
  return (p.top_k > 0 && p.top_k < v) || p.top_p < 1 || p.min_p > 0;
}

// scratch: two floats for each id of the row; own: the thread's memory.
SPAR_INLINE int32_t draw(Row& row, float* scratch, float* own) {
  const bool greedy = row.params.temperature == 0, whole = !greedy && !filters(row.params, row.v);
  // Temperatures below 1e-30 count as that: it leaves weights of unequal logits 0.
  row.inverse = greedy ? 1 : row.params.temperature > 1e-30f ? 1 / row.params.temperature : 1e30f;
  auto* chunks = reinterpret_cast<ChunkMass*>(scratch);
  walk(row, whole ? chunks : nullptr);
  // NaN or an infinite logit: no draw makes sense, and logp says so.
  if (greedy || !(row.lse.sum < __builtin_inff())) return most_likely(row);
  if (whole) return draw_any(row, chunks, own);
  const float bottom = fill_weights(row.z, row.v, row.lse.top, row.inverse, scratch);
  Filtered f = {row.z, scratch, row.v, row.params, row.lse.top, own, reinterpret_cast<int32_t*>(scratch + row.v)};
  return draw_filtered(f, row.inverse, bottom);
}

void sample(const Exec& exec, const Sample& a) {
  ThreadPool& threads = exec.backend->threads;
  threads.parallel(*a.rows, [&](int64_t r, int32_t thread) {
    Row row = {a.logits + r * a.v, a.v, a.params[r], 1, {}, 0};
    const int32_t token = draw(row, a.scratch + r * 2 * a.v, threads.scratch(thread));
    a.token[r] = token;
    a.logp[r] = lse_logp(row.lse, row.z[token]);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
