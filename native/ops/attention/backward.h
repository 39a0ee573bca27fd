// The backward pass of attention for one block of keys of one kv head: tiles of queries add to its
// dk and dv, which stay in scratch until the block is done, and to their own dq.
#pragma once
#include <cstring>

#include "ops/attention/block.h"
#include "ops/attention/chain.h"
#include "ops/attention/op.h"
#include "ops/attention/row.h"

namespace spar {
namespace SPAR_ISA_NS {

// Where the heads of one kv head lie.
struct BackwardHeads {
  int64_t D, H, G, stride;
  int64_t head, heads;  // query heads
  int64_t key;          // column of the keys

  BackwardHeads(const AttentionShape& shape, int64_t g) : D(shape.head_dim), H(shape.heads), G(shape.kv_heads) {
    stride = (H + 2 * G) * D;
    heads = H / G;
    head = g * heads;
    key = (H + g) * D;
  }
};

// A block of keys: rows [row, row + count) of a segment.
struct KeyRows {
  const spar_segment* segment = nullptr;
  int64_t row = 0, count = 0;
};

// One query head of one row, and the keys of a block that it sees.
struct Query {
  int64_t row, head;
  Sight seen;
};

// Calls f(query) for the heads of rows [first, last) that see some of the keys.
template <class F>
SPAR_INLINE void each_query(const AttentionBackward& a, const BackwardHeads& at, const KeyRows& keys, int64_t first,
                            int64_t last, F&& f) {
  const int64_t offset = keys.row - keys.segment->first_row;
  for (int64_t m = first; m < last; m++) {
    const Sight seen = within_block(sight_of(*a.batch, *keys.segment, m, a.shape.window), offset, keys.count);
    if (seen.low >= seen.high) continue;
    for (int64_t h = at.head; h < at.head + at.heads; h++) f(Query{m, h, seen});
  }
}

// Sum of out dout over a head.
static inline float head_delta(const float* out, const float* dout, int64_t d) {
  vf total = splat(0);
  each_vector(d, [&](int64_t c, int n) { total = fma(load_part(out + c, n), load_part(dout + c, n), total); });
  return sum(total);
}

// to[c] = x[c], or more by it.
static inline void put_or_add(float* to, const float* x, int64_t d, bool add) {
  each_vector(d, [=](int64_t c, int n) {
    const vf v = load(x + c);
    store_part(to + c, add ? load_part(to + c, n) + v : v, n);
  });
}

class BackwardBlock {
 public:
  // Keys of a block.
  static int64_t keys(const AttentionShape& shape) {
    const int64_t width = round_up(shape.head_dim, kLanes);
    return width <= 128 ? 64 : width <= 512 ? 32 : 16;
  }

  // add: whether dq, dk and dv hold sums already.
  BackwardBlock(float* scratch, const AttentionBackward& a, int64_t g, bool add)
      : a_(a), at_(a.shape, g), add_(add), width_(round_up(at_.D, kLanes)), block_(keys(a.shape)) {
    const int64_t fit = (kScratchBytes / 4 - 5 * block_ * width_ - 1024) / (3 * width_ + 2 * block_ + 2);
    capacity_ = fit < kMost ? fit : kMost;
    keys_ = take(scratch, block_ * width_);
    key_columns_ = take(scratch, block_ * width_);
    value_columns_ = take(scratch, block_ * width_);
    dk_ = take(scratch, block_ * width_);
    dv_ = take(scratch, block_ * width_);
    query_ = take(scratch, capacity_ * width_);
    dout_ = take(scratch, capacity_ * width_);
    dq_ = take(scratch, capacity_ * width_);
    p_ = take(scratch, capacity_ * block_);
    ds_ = take(scratch, capacity_ * block_);
    lse_ = take(scratch, capacity_);
    delta_ = take(scratch, capacity_);
  }

  // The block is rows [first, last) of a segment.
  void load_keys(const spar_segment& segment, int64_t first, int64_t last) {
    key_rows_ = {&segment, first, last - first};
    const float *keys = a_.qkv + first * at_.stride + at_.key, *values = keys + at_.G * at_.D;
    pack_rows(keys, at_.stride, key_rows_.count, at_.D, keys_);
    pack_columns(keys, at_.stride, key_rows_.count, at_.D, key_columns_, block_);
    pack_columns(values, at_.stride, key_rows_.count, at_.D, value_columns_, block_);
    std::memset(dk_, 0, static_cast<size_t>(block_ * width_) * 4);
    std::memset(dv_, 0, static_cast<size_t>(block_ * width_) * 4);
  }

  // The queries of rows [first, last) of a segment that sees the block.
  void add_queries(int64_t first, int64_t last) {
    Query tile[kMost];
    int64_t filled = 0;
    each_query(a_, at_, key_rows_, first, last, [&](const Query& query) {
      tile[filled++] = query;
      if (filled < capacity_) return;
      run_tile(tile, filled);
      filled = 0;
    });
    if (filled > 0) run_tile(tile, filled);
  }

  void store_keys() const {
    for (int64_t j = 0; j < key_rows_.count; j++) {
      float* dk = a_.dqkv + (key_rows_.row + j) * at_.stride + at_.key;
      put_or_add(dk, dk_ + j * width_, at_.D, add_);
      put_or_add(dk + at_.G * at_.D, dv_ + j * width_, at_.D, add_);
    }
  }

 private:
  static constexpr int64_t kMost = 96;

  void run_tile(const Query* tile, int64_t count) {
    Sight all = tile[0].seen;
    for (int64_t i = 0; i < count; i++) {
      load_query(tile[i], i);
      widen(all, tile[i].seen);
    }
    const int64_t low = all.low / kLanes * kLanes, high = all.high;
    for (int64_t i = 0; i < count; i += kGroup) {
      const int64_t rows = count - i < kGroup ? count - i : kGroup;
      Sight of = tile[i].seen;
      for (int64_t k = i; k < i + rows; k++) widen(of, tile[k].seen);
      const int64_t from = of.low / kLanes * kLanes;
      const Columns keys = {key_columns_, block_}, values = {value_columns_, block_};
      dots(rows, query_ + i * width_, width_, keys, at_.D, from, of.high, p_ + i * block_, block_);
      dots(rows, dout_ + i * width_, width_, values, at_.D, from, of.high, ds_ + i * block_, block_);
      for (int64_t k = i; k < i + rows; k++) score_gradients(tile[k].seen, k, low, high);
      add_weighted(rows, {ds_ + i * block_ + from, block_, 1}, Rows{keys_ + from * width_, width_}, of.high - from,
                   dq_ + i * width_, width_);
    }
    add_weighted(high - low, {ds_ + low, 1, block_}, Rows{query_, width_}, count, dk_ + low * width_, width_);
    add_weighted(high - low, {p_ + low, 1, block_}, Rows{dout_, width_}, count, dv_ + low * width_, width_);
    for (int64_t i = 0; i < count; i++)
      put_or_add(a_.dqkv + tile[i].row * at_.stride + tile[i].head * at_.D, dq_ + i * width_, at_.D, add_);
  }

  void load_query(const Query& q, int64_t i) {
    const int64_t at = (q.row * at_.H + q.head) * at_.D;
    pack_rows(a_.qkv + q.row * at_.stride + q.head * at_.D, at_.D, 1, at_.D, query_ + i * width_);
    pack_rows(a_.dout + at, at_.D, 1, at_.D, dout_ + i * width_);
    for (int64_t c = 0; c < width_; c += kLanes) store(dq_ + i * width_ + c, splat(0));
    lse_[i] = a_.lse[q.row * at_.H + q.head] * kLog2E;
    delta_[i] = head_delta(a_.out + at, a_.dout + at, at_.D);
  }

  // From q.k and dout.v to P and dS, zero for keys of [low, high) that the query does not see.
  void score_gradients(const Sight& seen, int64_t i, int64_t low, int64_t high) {
    const vf c = splat(a_.shape.scale * kLog2E), lse = splat(-lse_[i]), delta = splat(delta_[i]);
    const vf scale = splat(a_.shape.scale), zero = splat(0);
    float *p = p_ + i * block_, *ds = ds_ + i * block_;
    for (int64_t j = low; j < high; j += kLanes) {
      vf probability = exp2(fma(load(p + j), c, lse)), gradient = probability * (load(ds + j) - delta) * scale;
      if (j < seen.low || j + kLanes > seen.high) {
        const vi in = lanes_within(j, seen);
        probability = in ? probability : zero;
        gradient = in ? gradient : zero;
      }
      store(p + j, probability);
      store(ds + j, gradient);
    }
  }

  const AttentionBackward& a_;
  BackwardHeads at_;
  bool add_;
  int64_t width_, block_, capacity_;  // block_: keys of a block; capacity_: queries of a tile
  KeyRows key_rows_;
  float *keys_, *key_columns_, *value_columns_, *dk_, *dv_;
  float *query_, *dout_, *dq_;  // [capacity, width]
  float *p_, *ds_;              // [capacity, block]
  float *lse_, *delta_;         // [capacity]
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
