// The backward pass of attention for one kv head of one root group. Blocks of keys are taken one
// after another; for each, tiles of queries that see it add to the block's dk and dv, which stay in
// scratch until the block is done, and to their own dq.
#pragma once
#include <cstring>

#include "ops/attention/block.h"
#include "ops/attention/chain.h"
#include "ops/attention/op.h"

namespace spar {
namespace SPAR_ISA_NS {

class BackwardGroup {
 public:
  BackwardGroup(float* scratch, const AttentionBackward& a, int32_t root, int64_t g)
      : a_(a), batch_(*a.batch), root_(root), D_(a.shape.head_dim), H_(a.shape.heads), G_(a.shape.kv_heads) {
    width_ = round_up(D_, kLanes);
    stride_ = (H_ + 2 * G_) * D_;
    heads_ = H_ / G_;
    head_ = g * heads_;
    key_ = (H_ + g) * D_;
    last_ = batch_.segments - 1;
    while (!descends(batch_, last_, root_)) last_--;
    // Scratch holds the block and as many queries as then fit, at most 96.
    block_ = width_ <= 128 ? 64 : width_ <= 512 ? 32 : 16;
    const int64_t fit = (kScratchBytes / 4 - 5 * block_ * width_ - 1024) / (3 * width_ + 2 * block_ + 2);
    capacity_ = fit < 96 ? fit : 96;
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

  void run() {
    for (int32_t s = root_; s <= last_; s++)
      if (descends(batch_, s, root_)) clear_queries(batch_.segment[s]);
    for (int32_t s = root_; s <= last_; s++) {
      if (!descends(batch_, s, root_)) continue;
      for (int64_t first = 0; first < batch_.segment[s].num_rows; first += block_) key_block(s, first);
    }
  }

 private:
  // One query head of one row.
  struct Query {
    int64_t row, head;
    int64_t low, high;  // keys of the block that it sees
  };

  static float* take(float*& scratch, int64_t floats) {
    float* p = scratch;
    scratch += round_up(floats, 16);
    return p;
  }

  void clear_queries(const spar_segment& segment) {
    for (int64_t m = segment.first_row; m < int64_t{segment.first_row} + segment.num_rows; m++)
      std::memset(a_.dqkv + m * stride_ + head_ * D_, 0, static_cast<size_t>(heads_ * D_) * 4);
  }

  // dk and dv of the keys [first, first + block_) of segment s, and their part of every dq.
  void key_block(int32_t s, int64_t first) {
    const spar_segment& segment = batch_.segment[s];
    count_ = segment.num_rows - first < block_ ? segment.num_rows - first : block_;
    const float* keys = a_.qkv + (segment.first_row + first) * stride_ + key_;
    const float* values = keys + G_ * D_;
    pack_rows(keys, stride_, count_, D_, keys_);
    pack_columns(keys, stride_, count_, D_, key_columns_, block_);
    pack_columns(values, stride_, count_, D_, value_columns_, block_);
    std::memset(dk_, 0, static_cast<size_t>(block_ * width_) * 4);
    std::memset(dv_, 0, static_cast<size_t>(block_ * width_) * 4);
    for (int32_t u = s; u <= last_; u++)
      if (descends(batch_, u, s)) segment_queries(segment, first, batch_.segment[u]);
    for (int64_t j = 0; j < count_; j++) {
      float* dk = a_.dqkv + (segment.first_row + first + j) * stride_ + key_;
      each_vector(D_, [&](int64_t c, int n) {
        store_part(dk + c, load(dk_ + j * width_ + c), n);
        store_part(dk + G_ * D_ + c, load(dv_ + j * width_ + c), n);
      });
    }
  }

  // All queries of the segment `from` that see the block, in tiles.
  void segment_queries(const spar_segment& keys, int64_t first, const spar_segment& from) {
    Query tile[96];
    int64_t filled = 0;
    for (int64_t m = from.first_row; m < int64_t{from.first_row} + from.num_rows; m++) {
      const Sight sight = sight_of(batch_, keys, m, a_.shape.window);
      const int64_t low = sight.low > first ? sight.low - first : 0;
      const int64_t high = sight.high - first < count_ ? sight.high - first : count_;
      if (low >= high) continue;
      for (int64_t h = head_; h < head_ + heads_; h++) {
        tile[filled++] = {m, h, low, high};
        if (filled < capacity_) continue;
        run_tile(tile, filled);
        filled = 0;
      }
    }
    if (filled > 0) run_tile(tile, filled);
  }

  void run_tile(const Query* tile, int64_t count) {
    int64_t low = block_, high = 0;
    for (int64_t i = 0; i < count; i++) {
      load_query(tile[i], i);
      if (tile[i].low < low) low = tile[i].low;
      if (tile[i].high > high) high = tile[i].high;
    }
    low = low / kLanes * kLanes;
    for (int64_t i = 0; i < count; i += kGroup) {
      const int64_t rows = count - i < kGroup ? count - i : kGroup;
      dots(rows, query_ + i * width_, width_, key_columns_, block_, D_, low, high, p_ + i * block_);
      dots(rows, dout_ + i * width_, width_, value_columns_, block_, D_, low, high, ds_ + i * block_);
    }
    for (int64_t i = 0; i < count; i++) score_gradients(tile[i], i, low, high);
    add_weighted(count, {ds_ + low, block_, 1}, keys_ + low * width_, width_, high - low, dq_);
    add_weighted(high - low, {ds_ + low, 1, block_}, query_, width_, count, dk_ + low * width_);
    add_weighted(high - low, {p_ + low, 1, block_}, dout_, width_, count, dv_ + low * width_);
    for (int64_t i = 0; i < count; i++) {
      float* dq = a_.dqkv + tile[i].row * stride_ + tile[i].head * D_;
      each_vector(D_, [&](int64_t c, int n) { store_part(dq + c, load(dq_ + i * width_ + c), n); });
    }
  }

  void load_query(const Query& q, int64_t i) {
    const float* out = a_.out + (q.row * H_ + q.head) * D_;
    const float* dout = a_.dout + (q.row * H_ + q.head) * D_;
    pack_rows(a_.qkv + q.row * stride_ + q.head * D_, D_, 1, D_, query_ + i * width_);
    pack_rows(dout, D_, 1, D_, dout_ + i * width_);
    pack_rows(a_.dqkv + q.row * stride_ + q.head * D_, D_, 1, D_, dq_ + i * width_);
    lse_[i] = a_.lse[q.row * H_ + q.head];
    vf total = splat(0);
    each_vector(D_, [&](int64_t c, int n) { total = fma(load_part(out + c, n), load_part(dout + c, n), total); });
    delta_[i] = sum(total);
  }

  // From q.k and dout.v to P and dS, zero for keys that the query does not see.
  void score_gradients(const Query& q, int64_t i, int64_t low, int64_t high) {
    const vf scale = splat(a_.shape.scale), lse = splat(lse_[i]), delta = splat(delta_[i]), zero = splat(0);
    for (int64_t j = low; j < high; j += kLanes) {
      const vi in = lanes_within(j, {q.low, q.high});
      float *p = p_ + i * block_ + j, *ds = ds_ + i * block_ + j;
      const vf probability = in ? exp(load(p) * scale - lse) : zero;
      store(p, probability);
      store(ds, in ? probability * (load(ds) - delta) * scale : zero);
    }
  }

  const AttentionBackward& a_;
  const BatchView& batch_;
  int32_t root_, last_;  // the first and the last segment of the group
  int64_t D_, H_, G_, width_, stride_;
  int64_t heads_, head_, key_;  // query heads, the first of them, column of the keys
  int64_t block_, capacity_;    // keys of a block, queries of a tile
  int64_t count_ = 0;           // keys of the block in hand
  float *keys_, *key_columns_, *value_columns_, *dk_, *dv_;
  float *query_, *dout_, *dq_;  // [capacity, width]
  float *p_, *ds_;              // [capacity, block]
  float *lse_, *delta_;         // [capacity]
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
