// The row routine of attention, shared by attention_forward and attention_decode so that they
// give the same bits. A Tile holds the query heads of some rows that read one key/value head. Its
// rows walk spans of keys, one block of kBlockKeys at a time, blocks and vector lanes counted from
// the start of the span; per row: scores of the block, running maximum, exponentials, weighted sum
// of values. What a row computes depends on its own chain of spans only: rows of a tile share
// loads, never sums.
#pragma once
#include <cmath>

#include "ops/attention/block.h"
#include "ops/attention/op.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kBlockKeys = 64;
constexpr int64_t kTileRows = 32;

// Queries that a tile holds: 96, fewer when heads are so wide that scratch would not do.
SPAR_INLINE int64_t tile_queries(const AttentionShape& shape) {
  const int64_t width = round_up(shape.head_dim, kLanes);
  const int64_t block = kBlockKeys * (2 * width + kGroup) + 1024, query = 2 * width + kLanes + 1;
  const int64_t fit = (kScratchBytes / 4 - block) / query;
  return fit < 96 ? fit : 96;
}

// Keys and values of one kv head: `count` rows, `stride` floats apart.
struct KeySpan {
  const float *keys, *values;
  int64_t stride, count;
};

// The part [low, high) of a span that a row sees.
struct Sight {
  int64_t low, high;
};

// All ones in the lanes j + lane of [part.low, part.high).
SPAR_INLINE vi lanes_within(int64_t j, Sight part) {
  vi lane;
  for (int i = 0; i < kLanes; i++) lane[i] = i;
  lane += static_cast<int32_t>(j);
  return (lane >= static_cast<int32_t>(part.low)) & (lane < static_cast<int32_t>(part.high));
}

class Tile {
 public:
  // heads: query heads per row, all of one kv head; rows * heads <= tile_queries().
  Tile(float* scratch, const AttentionShape& shape, int64_t heads)
      : d_(shape.head_dim), width_(round_up(d_, kLanes)), heads_(heads), scale_(shape.scale) {
    const int64_t queries = tile_queries(shape);
    keys_ = take(scratch, kBlockKeys * width_);
    values_ = take(scratch, kBlockKeys * width_);
    score_ = take(scratch, kGroup * kBlockKeys);
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
  void walk(const KeySpan& span, const Sight* sight, int64_t first, int64_t last) {
    Sight all = sight[first];
    for (int64_t r = first; r < last; r++) widen(all, sight[r]);
    for (int64_t block = all.low / kBlockKeys * kBlockKeys; block < all.high; block += kBlockKeys) {
      const Sight seen = {all.low > block ? all.low - block : 0,
                          all.high - block < kBlockKeys ? all.high - block : kBlockKeys};
      load_block(span, block, seen);
      for (int64_t i = first * heads_; i < last * heads_; i += kGroup) {
        const int64_t left = last * heads_ - i;
        walk_group(sight, block, i, left < kGroup ? left : kGroup);
      }
    }
  }

  // Writes row r's heads to out (contiguous) and their log-sum-exp to lse unless NULL.
  void finish(int64_t r, float* out, float* lse) const {
    for (int64_t h = 0; h < heads_; h++) {
      const int64_t i = r * heads_ + h;
      const float total = sum(load(sum_ + i * kLanes));
      const float* acc = acc_ + i * width_;
      each_vector(d_, [=](int64_t c, int n) { store_part(out + h * d_ + c, load(acc + c) / splat(total), n); });
      if (lse != nullptr) lse[h] = static_cast<float>(max_[i] + std::log(static_cast<double>(total)));
    }
  }

 private:
  static float* take(float*& scratch, int64_t floats) {
    float* p = scratch;
    scratch += round_up(floats, 16);
    return p;
  }

  static void widen(Sight& all, const Sight& s) {
    if (s.low >= s.high) return;
    if (all.low >= all.high) all = s;
    if (s.low < all.low) all.low = s.low;
    if (s.high > all.high) all.high = s.high;
  }

  void load_block(const KeySpan& span, int64_t block, Sight seen) {
    const int64_t first = seen.low / kPair * kPair, from = (block + first) * span.stride;
    pack_columns(span.keys + from, span.stride, seen.high - first, d_, keys_ + first, kBlockKeys);
    pack_rows(span.values + from, span.stride, seen.high - first, d_, values_ + first * width_);
  }

  // Queries [first, first + count) with the loaded block.
  void walk_group(const Sight* sight, int64_t block, int64_t first, int64_t count) {
    Sight seen[kGroup], all = {0, 0}, common = {0, kBlockKeys};
    for (int64_t k = 0; k < count; k++) {
      const Sight& s = sight[(first + k) / heads_];
      seen[k] = {s.low > block ? s.low - block : 0, s.high - block < kBlockKeys ? s.high - block : kBlockKeys};
      widen(all, seen[k]);
      if (seen[k].low > common.low) common.low = seen[k].low;
      if (seen[k].high < common.high) common.high = seen[k].high;
    }
    if (all.low >= all.high) return;
    dots(count, query_ + first * width_, width_, keys_, kBlockKeys, d_, all.low / kPair * kPair, all.high, score_);
    for (int64_t k = 0; k < count; k++)
      if (seen[k].low < seen[k].high) exponentials(first + k, score_ + k * kBlockKeys, seen[k]);
    if (common.low >= common.high) {
      for (int64_t k = 0; k < count; k++) add_values(first + k, 1, score_ + k * kBlockKeys, seen[k]);
      return;
    }
    for (int64_t k = 0; k < count; k++) add_values(first + k, 1, score_ + k * kBlockKeys, {seen[k].low, common.low});
    add_values(first, count, score_, common);
    for (int64_t k = 0; k < count; k++) add_values(first + k, 1, score_ + k * kBlockKeys, {common.high, seen[k].high});
  }

  // Replaces the dot products of query i by exp(score - max), having raised its maximum and
  // scaled its sums down to the new one when the block holds a larger score.
  void exponentials(int64_t i, float* score, Sight seen) {
    const vf scale = splat(scale_), nothing = splat(-__builtin_inff());
    const int64_t begin = seen.low / kLanes * kLanes;
    vf top = nothing;
    for (int64_t j = begin; j < seen.high; j += kLanes) {
      const vf s = lanes_within(j, seen) ? load(score + j) * scale : nothing;
      store(score + j, s);
      top = max(top, s);
    }
    vf total = load(sum_ + i * kLanes);
    const float block_max = max(top);
    if (block_max > max_[i]) {
      const vf factor = exp(splat(max_[i] - block_max));
      max_[i] = block_max;
      total *= factor;
      for (int64_t c = 0; c < width_; c += kLanes) store(acc_ + i * width_ + c, load(acc_ + i * width_ + c) * factor);
    }
    const vf base = splat(max_[i]);
    for (int64_t j = begin; j < seen.high; j += kLanes) {
      const vf p = exp(load(score + j) - base);
      store(score + j, p);
      total += p;
    }
    store(sum_ + i * kLanes, total);
  }

  // Adds the values [part.low, part.high) of the block to the sums of `count` queries.
  void add_values(int64_t i, int64_t count, const float* score, Sight part) {
    if (part.low >= part.high) return;
    add_weighted(count, {score + part.low, kBlockKeys, 1}, values_ + part.low * width_, width_, part.high - part.low,
                 acc_ + i * width_);
  }

  int64_t d_, width_, heads_, rows_ = 0;
  float scale_;
  float *keys_, *values_;  // the block: [d, kBlockKeys] and [kBlockKeys, width]
  float* score_;           // [kGroup, kBlockKeys]
  float *query_, *acc_;    // [queries, width]
  float *sum_, *max_;      // [queries, kLanes], [queries]
};

// How the query heads of one kv head are cut so that a row fits into a tile.
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
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
