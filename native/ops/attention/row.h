// The row routine of attention, shared by attention_forward and attention_decode so that they
// give the same bits. A Tile holds the query heads of some rows that read one key/value head. Its
// rows walk spans of keys, one block of kBlockKeys at a time, blocks and vector lanes counted from
// the start of the span; per row: scores of the block, running maximum, powers of two, weighted
// sum of values. What a row computes depends on its own chain of spans only: rows of a tile share
// loads, never sums.
#pragma once
#include <cmath>

#include "backends/cpu/exp2.h"
#include "ops/attention/op.h"
#include "ops/attention/span.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kTileRows = 128;
constexpr int64_t kTileQueries = 384;
constexpr float kLog2E = 1.44269504088896341f;
constexpr double kLn2 = 0.693147180559945309417;

// Queries that a tile holds, fewer when heads are so wide that scratch would not do.
SPAR_INLINE int64_t tile_queries(const AttentionShape& shape) {
  const int64_t width = round_up(shape.head_dim, kLanes);
  const int64_t block = kBlockColumns * (width + kGroup) + kBlockKeys * width + 1024, query = 2 * width + kLanes + 1;
  const int64_t fit = (kScratchBytes / 4 - block) / query;
  return fit < kTileQueries ? fit : kTileQueries;
}

// All ones in the lanes j + lane of [part.low, part.high).
SPAR_INLINE vi lanes_within(int64_t j, Sight part) {
  vi lane;
  for (int i = 0; i < kLanes; i++) lane[i] = i;
  lane += static_cast<int32_t>(j);
  return (lane >= static_cast<int32_t>(part.low)) & (lane < static_cast<int32_t>(part.high));
}

SPAR_INLINE void widen(Sight& all, const Sight& s) {
  if (s.low >= s.high) return;
  if (all.low >= all.high) all = s;
  if (s.low < all.low) all.low = s.low;
  if (s.high > all.high) all.high = s.high;
}

// What of a block of keys is seen of a span, counted from the block's first key.
SPAR_INLINE Sight within_block(const Sight& s, int64_t block, int64_t keys = kBlockKeys) {
  return {s.low > block ? s.low - block : 0, s.high - block < keys ? s.high - block : keys};
}

class Tile {
 public:
  // heads: query heads per row, all of one kv head; rows * heads <= tile_queries().
  Tile(float* scratch, const AttentionShape& shape, int64_t heads)
      : d_(shape.head_dim), width_(round_up(d_, kLanes)), heads_(heads), scale_(shape.scale * kLog2E) {
    const int64_t queries = tile_queries(shape);
    memory_ = {take(scratch, kBlockColumns * width_), take(scratch, kBlockKeys * width_), d_, width_};
    score_ = take(scratch, kGroup * kBlockColumns);
    query_ = take(scratch, queries * width_);
    acc_ = take(scratch, queries * width_);
    sum_ = take(scratch, queries * kLanes);
    max_ = take(scratch, queries);
  }

  void clear() { rows_ = 0; }
  int64_t rows() const { return rows_; }

  // Adds a row; q: its heads, contiguous.
  void add(const float* q) {
    const int64_t first = rows_++ * heads_;
    pack_rows(q, d_, heads_, d_, query_ + first * width_);
    for (int64_t i = first; i < first + heads_; i++) {
      max_[i] = -__builtin_inff();
      store(sum_ + i * kLanes, splat(0));
    }
    for (int64_t c = 0; c < heads_ * width_; c += kLanes) store(acc_ + first * width_ + c, splat(0));
  }

  // Rows [first, last) walk the span; sight[r] is what row r of the tile sees of it.
  template <class Span>
  void walk(const Span& span, const Sight* sight, int64_t first, int64_t last) {
    Sight all = sight[first];
    for (int64_t r = first; r < last; r++) widen(all, sight[r]);
    const int64_t queries = (last - first) * heads_;
    for (int64_t at = all.low / kBlockKeys * kBlockKeys; at < all.high; at += kBlockKeys)
      span.with_block(at, within_block(all, at), queries, memory_,
                      [&](const auto& block) { walk_block(block, at, sight, first, last); });
  }

  // Writes row r's heads to out (contiguous) and their log-sum-exp to lse unless NULL.
  void finish(int64_t r, float* out, float* lse) const {
    for (int64_t h = 0; h < heads_; h++) {
      const int64_t i = r * heads_ + h;
      const float total = sum(load(sum_ + i * kLanes));
      const vf part = splat(1 / total);
      const float* acc = acc_ + i * width_;
      each_vector(d_, [=](int64_t c, int n) { store_part(out + h * d_ + c, load(acc + c) * part, n); });
      if (lse != nullptr) lse[h] = static_cast<float>(kLn2 * max_[i] + static_cast<double>(__builtin_logf(total)));
    }
  }

 private:
  // The row and head of a query.
  struct Cursor {
    int64_t row, head;
  };

  // Rows [first, last) with the block that starts at key `start`.
  template <class Block>
  void walk_block(const Block& block, int64_t start, const Sight* sight, int64_t first, int64_t last) {
    Cursor at = {first, 0};
    for (int64_t i = first * heads_; i < last * heads_; i += kGroup) {
      const int64_t left = last * heads_ - i;
      walk_group(block, start, sight, at, i, left < kGroup ? left : kGroup);
    }
  }

  // Queries [first, first + count), the first of them at `at`.
  template <class Block>
  void walk_group(const Block& block, int64_t start, const Sight* sight, Cursor& at, int64_t first, int64_t count) {
    Sight seen[kGroup], all = {0, 0}, common = {0, kBlockKeys};
    for (int64_t k = 0; k < count; k++) {
      seen[k] = within_block(sight[at.row], start);
      if (++at.head == heads_) at = {at.row + 1, 0};
      widen(all, seen[k]);
      if (seen[k].low > common.low) common.low = seen[k].low;
      if (seen[k].high < common.high) common.high = seen[k].high;
    }
    if (all.low >= all.high) return;
    const int64_t shift = block.shift, from = (shift + all.low) / kLanes * kLanes;
    dots(count, query_ + first * width_, width_, block.keys, d_, from, shift + all.high, score_, kBlockColumns);
    for (int64_t k = 0; k < count; k++)
      if (seen[k].low < seen[k].high) powers(first + k, score_ + k * kBlockColumns + shift, seen[k]);
    if (common.low >= common.high) common = {kBlockKeys, kBlockKeys};
    for (int64_t k = 0; k < count; k++)
      if (seen[k].low < common.low)
        add_values(block, first + k, 1, k, {seen[k].low, seen[k].high < common.low ? seen[k].high : common.low});
    add_values(block, first, count, 0, common);
    for (int64_t k = 0; k < count; k++)
      if (seen[k].high > common.high) add_values(block, first + k, 1, k, {common.high, seen[k].high});
  }

  // Replaces the dot products of query i by 2^(score - max), scores being in units of log 2, having
  // raised its maximum and scaled its sums down to the new one when the block holds a larger score.
  void powers(int64_t i, float* score, Sight seen) {
    const vf nothing = splat(-__builtin_inff());
    const int64_t begin = seen.low / kLanes * kLanes;
    if (seen.low > begin || seen.high % kLanes != 0)
      for (int64_t j = begin; j < seen.high; j += kLanes)
        store(score + j, lanes_within(j, seen) ? load(score + j) : nothing);
    vf top = nothing;
    for (int64_t j = begin; j < seen.high; j += kLanes) top = max(top, load(score + j));
    const float block_max = max(top) * scale_;
    if (block_max > max_[i]) raise(i, block_max);
    const vf scale = splat(scale_), less = splat(-max_[i]);
    vf total = load(sum_ + i * kLanes);
    for (int64_t j = begin; j < seen.high; j += kLanes) {
      const vf p = exp2(fma(load(score + j), scale, less));
      store(score + j, p);
      total += p;
    }
    store(sum_ + i * kLanes, total);
  }

  void raise(int64_t i, float to) {
    const vf factor = exp2(splat(max_[i] - to));
    store(sum_ + i * kLanes, load(sum_ + i * kLanes) * factor);
    float* acc = acc_ + i * width_;
    for (int64_t c = 0; c < width_; c += kLanes) store(acc + c, load(acc + c) * factor);
    max_[i] = to;
  }

  // Adds the values [part.low, part.high) of the block to the sums of `count` queries, the first of
  // them the k-th of the group.
  template <class Block>
  void add_values(const Block& block, int64_t i, int64_t count, int64_t k, Sight part) {
    if (part.low >= part.high) return;
    const float* weights = score_ + k * kBlockColumns + block.shift + part.low;
    add_weighted(count, {weights, kBlockColumns, 1}, block.values.from(part.low), part.high - part.low,
                 acc_ + i * width_, width_);
  }

  int64_t d_, width_, heads_, rows_ = 0;
  float scale_;  // of scores in units of log 2
  BlockMemory memory_;
  float* score_;         // [kGroup, kBlockColumns]
  float *query_, *acc_;  // [queries, width]
  float *sum_, *max_;    // [queries, kLanes], [queries]
};

// How the query heads of one kv head are cut so that a row fits into a tile, and rows into units.
struct HeadCut {
  int64_t per_group, chunk, chunks, tile_rows;

  explicit HeadCut(const AttentionShape& shape) {
    const int64_t queries = tile_queries(shape);
    per_group = shape.heads / shape.kv_heads;
    chunk = per_group < queries ? per_group : queries;
    chunks = round_up(per_group, chunk) / chunk;
    tile_rows = queries / chunk < kTileRows ? queries / chunk : kTileRows;
  }
  int64_t count(int64_t i) const { return per_group - i * chunk < chunk ? per_group - i * chunk : chunk; }
  // Rows per unit: what a tile holds, fewer when the `units` wanted would not come together.
  int64_t unit_rows(int64_t rows, int64_t kv_heads, int64_t units) const {
    const int64_t tiles = round_up(units, kv_heads * chunks) / (kv_heads * chunks), share = (rows + tiles - 1) / tiles;
    return share < tile_rows ? share : tile_rows;
  }
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
