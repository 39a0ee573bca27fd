// The backward pass for one block of keys of one kv head on AMX tiles, in bf16 precision, where q,
// k and v are bfloat16 numbers: backward.h has its interface and what it computes. Everything else
// keeps its 24 bits: dout, P and dS are multiplied in three parts (tiles.h).
//   S = Q K^T       dP = dO V^T      32 queries by 128 keys
//   dV^T += dO^T P  dK^T += Q^T dS   [D, 128], stay in scratch
//   dQ = dS K                        added to memory
#pragma once
#include "ops/attention/backward.h"
#include "ops/attention/tiles.h"

#if defined(__AMX_BF16__)

namespace spar {
namespace SPAR_ISA_NS {

class BackwardTiles {
 public:
  static bool fits(const Exec& exec, const AttentionShape& shape) {
    return exec.precision == SPAR_BF16 && shape.head_dim % 32 == 0 && shape.head_dim <= 256;
  }
  static int64_t keys(const AttentionShape&) { return kKeys; }

  // add: whether dq, dk and dv hold sums already.
  BackwardTiles(float* scratch, const AttentionBackward& a, int64_t g, bool add)
      : a_(a), at_(a.shape, g), add_(add), D_(at_.D) {
    key_columns_ = take<uint32_t>(scratch, D_ / 2 * kKeys);
    value_columns_ = take<uint32_t>(scratch, D_ / 2 * kKeys);
    key_pairs_ = take<uint32_t>(scratch, kKeys / 2 * D_);
    dk_ = take<float>(scratch, D_ * kKeys);
    dv_ = take<float>(scratch, D_ * kKeys);
    rows_ = take<float>(scratch, (1 + kParts) * kQueries * D_);
    left_ = take<uint16_t>(scratch, (1 + kParts) * kQueries * D_);
    turned_ = take<uint32_t>(scratch, (1 + kParts) * D_ * kQueries / 2);
    score_ = take<float>(scratch, kQueries * kKeys);
    dp_ = take<float>(scratch, kQueries * kKeys);
    p_ = take<uint32_t>(scratch, kParts * kQueries / 2 * kKeys);
    ds_ = take<uint32_t>(scratch, kParts * kQueries / 2 * kKeys);
    ds_left_ = take<uint16_t>(scratch, kParts * kQueries * kKeys);
    dq_ = take<float>(scratch, kQueries * D_);
  }

  // The block is rows [first, last) of a segment.
  void load_keys(const spar_segment& segment, int64_t first, int64_t last) {
    key_rows_ = {&segment, first, last - first};
    const float* keys = a_.qkv + first * at_.stride + at_.key;
    columns(keys, key_columns_);
    columns(keys + at_.G * D_, value_columns_);
    for (int64_t j = 0; j < kKeys; j += 2)
      for (int64_t c = 0; c < D_; c += kLanes)
        store_words(key_pairs_ + j / 2 * D_ + c, words(row_part(keys, j, c), row_part(keys, j + 1, c)));
    std::memset(dk_, 0, static_cast<size_t>(D_ * kKeys) * 4);
    std::memset(dv_, 0, static_cast<size_t>(D_ * kKeys) * 4);
  }

  // The queries of rows [first, last) of a segment that sees the block.
  void add_queries(int64_t first, int64_t last) {
    count_queries_ = 0;
    each_query(a_, at_, key_rows_, first, last, [&](const Query& query) {
      query_[count_queries_++] = query;
      if (count_queries_ == kQueries) run_tile();
    });
    if (count_queries_ > 0) run_tile();
  }

  void store_keys() const {
    for (int64_t j = 0; j < key_rows_.count; j += 16)
      for (int64_t c = 0; c < D_; c += 16) {
        float* dk = a_.dqkv + (key_rows_.row + j) * at_.stride + at_.key + c;
        store_square(dk_ + c * kKeys + j, key_rows_.count - j, dk);
        store_square(dv_ + c * kKeys + j, key_rows_.count - j, dk + at_.G * D_);
      }
  }

 private:
  static constexpr int64_t kKeys = 128, kQueries = 32;
  static constexpr int64_t kKeyBytes = kKeys * 4;  // between rows of words or floats of a block

  // Channels c .. of key or value j, zeros after the last.
  vf row_part(const float* rows, int64_t j, int64_t c) const {
    return j < key_rows_.count ? load(rows + j * at_.stride + c) : splat(0);
  }

  // to[w * kKeys + j] = channels 2 w and 2 w + 1 of row j.
  void columns(const float* rows, uint32_t* to) const {
    uint16_t* narrow = left_;  // room for 16 rows
    for (int64_t j = 0; j < kKeys; j += 16) {
      for (int64_t i = 0; i < 16; i++)
        for (int64_t c = 0; c < D_; c += kLanes) store_bf16(narrow + i * D_ + c, row_part(rows, j + i, c), kLanes);
      for (int64_t w = 0; w < D_ / 2; w += 16)
        transpose_words(reinterpret_cast<const uint32_t*>(narrow) + w, D_ / 2, 16, to + w * kKeys + j, kKeys);
    }
  }

  // The transposed 16 x 16 floats at `from` to `count` rows of dqkv.
  void store_square(const float* from, int64_t count, float* to) const {
    vf t[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) t[i] = load(from + i * kKeys);
    transpose(t);
    for (int i = 0; i < 16 && i < count; i++) {
      float* row = to + i * at_.stride;
      store(row, add_ ? load(row) + t[i] : t[i]);
    }
  }

  void run_tile() {
    load_queries();
    seen_ = 0;
    for (int64_t i = 0; i < count_queries_; i++)
      if (query_[i].seen.high > seen_) seen_ = query_[i].seen.high;
    seen_ = round_up(seen_, 32);
    const int64_t row = 2 * D_;  // bytes of a row of left_
    for (int64_t n = 0; n < seen_; n += 32) {
      zero_tiles();
      multiply_tiles({left_, row, 16 * row, 64}, {key_columns_ + n, kKeyBytes, 64, 16 * kKeyBytes}, D_ / 32);
      store_tiles(score_ + n, kKeyBytes);
      zero_tiles();
      for (int i = kParts; i > 0; i--)
        multiply_tiles({left_ + i * kQueries * D_, row, 16 * row, 64},
                       {value_columns_ + n, kKeyBytes, 64, 16 * kKeyBytes}, D_ / 32);
      store_tiles(dp_ + n, kKeyBytes);
    }
    for (int64_t i = 0; i < kQueries; i += 2)
      for (int64_t j = 0; j < seen_; j += kLanes) score_gradients(i, j);
    add_to_keys();
    store_queries();
    count_queries_ = 0;
  }

  // Queries and the parts of dout: as rows, as left operands, and transposed.
  void load_queries() {
    for (int64_t i = 0; i < kQueries; i++) {
      const bool here = i < count_queries_;
      const Query q = here ? query_[i] : Query{0, 0, {0, 0}};
      const int64_t at = (q.row * at_.H + q.head) * D_;
      for (int64_t c = 0; c < D_; c += kLanes) {
        vf part[1 + kParts];
        part[0] = here ? load(a_.qkv + q.row * at_.stride + q.head * D_ + c) : splat(0);
        split(here ? load(a_.dout + at + c) : splat(0), part + 1);
        for (int k = 0; k < 1 + kParts; k++) {
          store(rows_ + (k * kQueries + i) * D_ + c, part[k]);
          store_bf16(left_ + (k * kQueries + i) * D_ + c, part[k], kLanes);
        }
      }
      lse_[i] = here ? a_.lse[q.row * at_.H + q.head] * kLog2E : 0;
      delta_[i] = here ? head_delta(a_.out + at, a_.dout + at, D_) : 0;
    }
    for (int k = 0; k < 1 + kParts; k++)
      transpose_rows(rows_ + k * kQueries * D_, D_, turned_ + k * D_ * kQueries / 2, kQueries / 2);
  }

  // P and dS of query i and keys j .., zero for those that it does not see.
  SPAR_INLINE void gradients_of(const BackwardTiles& t, int64_t i, int64_t j, vf* p, vf* ds) {
    const vf scale = splat(t.a_.shape.scale), s = load(t.score_ + i * kKeys + j);
    *p = exp2(fma(s, splat(t.a_.shape.scale * kLog2E), splat(-t.lse_[i])));
    *ds = *p * (load(t.dp_ + i * kKeys + j) - splat(t.delta_[i])) * scale;
    const Sight seen = i < t.count_queries_ ? t.query_[i].seen : Sight{0, 0};
    if (j >= seen.low && j + kLanes <= seen.high) return;
    const vi in = lanes_within(j, seen);
    *p = in ? *p : splat(0);
    *ds = in ? *ds : splat(0);
  }

  // Of queries i and i + 1 and keys j ..: the parts of P and dS as right operands, of dS as left too.
  void score_gradients(int64_t i, int64_t j) {
    vf p0, p1, ds0, ds1, part0[kParts], part1[kParts];
    gradients_of(*this, i, j, &p0, &ds0);
    gradients_of(*this, i + 1, j, &p1, &ds1);
    split(p0, part0);
    split(p1, part1);
    for (int k = 0; k < kParts; k++) store_words(p_ + (k * kQueries + i) / 2 * kKeys + j, words(part0[k], part1[k]));
    split(ds0, part0);
    split(ds1, part1);
    for (int k = 0; k < kParts; k++) {
      store_words(ds_ + (k * kQueries + i) / 2 * kKeys + j, words(part0[k], part1[k]));
      store_bf16(ds_left_ + (k * kQueries + i) * kKeys + j, part0[k], kLanes);
      store_bf16(ds_left_ + (k * kQueries + i + 1) * kKeys + j, part1[k], kLanes);
    }
  }

  // turned: part of the queries or of dout; right: part of dS or P.
  void multiply_turned(int turned, const uint32_t* right, int part, int64_t c, int64_t n) const {
    multiply_tiles({turned_ + (turned * D_ + c) * kQueries / 2, 2 * kQueries, 32 * kQueries, 0},
                   {right + part * kQueries / 2 * kKeys + n, kKeyBytes, 64, 0}, 1);
  }

  void add_to_keys() {
    for (int64_t c = 0; c < D_; c += 32)
      for (int64_t n = 0; n < seen_; n += 32) {
        load_tiles(dv_ + c * kKeys + n, kKeyBytes);
        for (int sum = kParts - 1; sum >= 0; sum--)  // the smallest products first
          for (int k = 0; k <= sum; k++) multiply_turned(1 + k, p_, sum - k, c, n);
        store_tiles(dv_ + c * kKeys + n, kKeyBytes);
        load_tiles(dk_ + c * kKeys + n, kKeyBytes);
        for (int k = kParts - 1; k >= 0; k--) multiply_turned(0, ds_, k, c, n);
        store_tiles(dk_ + c * kKeys + n, kKeyBytes);
      }
  }

  void store_queries() {
    for (int64_t c = 0; c < D_; c += 32) {
      zero_tiles();
      for (int k = kParts - 1; k >= 0; k--)
        multiply_tiles({ds_left_ + k * kQueries * kKeys, 2 * kKeys, 32 * kKeys, 64},
                       {key_pairs_ + c, 4 * D_, 64, 64 * D_}, seen_ / 32);
      store_tiles(dq_ + c, 4 * D_);
    }
    for (int64_t i = 0; i < count_queries_; i++)
      put_or_add(a_.dqkv + query_[i].row * at_.stride + query_[i].head * D_, dq_ + i * D_, D_, add_);
  }

  TileUse use_;
  const AttentionBackward& a_;
  BackwardHeads at_;
  bool add_;
  int64_t D_;
  KeyRows key_rows_;
  int64_t count_queries_ = 0, seen_ = 0;  // of the tile; keys before seen_ are seen by some
  Query query_[kQueries];
  float lse_[kQueries], delta_[kQueries];
  uint32_t *key_columns_, *value_columns_;  // [D / 2, keys] words of two channels
  uint32_t* key_pairs_;                     // [keys / 2, D] words of two keys
  float *dk_, *dv_;                         // [D, keys]
  float* rows_;                             // queries and parts of dout, each [queries, D]
  uint16_t* left_;                          // the same
  uint32_t* turned_;                        // the same, [D, queries / 2] words of two queries
  float *score_, *dp_;                      // [queries, keys]
  uint32_t *p_, *ds_;                       // parts, each [queries / 2, keys] words of two queries
  uint16_t* ds_left_;                       // parts, each [queries, keys]
  float* dq_;                               // [queries, D]
};

}  // namespace SPAR_ISA_NS
}  // namespace spar

#endif
