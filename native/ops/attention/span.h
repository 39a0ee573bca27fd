// Spans of keys and how the row walk reads a block of them: from scratch, where it lies as fp32 for
// many queries to read it, or in place. The numbers that it reads are the same.
#pragma once
#include "ops/attention/block.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kBlockKeys = 64;
constexpr int64_t kBlockColumns = kBlockKeys + 16;  // columns before the first key of a block, if it has some

// The part [low, high) of a span that a row sees.
struct Sight {
  int64_t low, high;
};

// A block of keys as a walk reads it. Key i of the block is column shift + i of `keys` and row i of
// `values`.
template <class Keys, class Values>
struct Block {
  Keys keys;
  Values values;
  int64_t shift;
};

// Where a block is copied to.
struct BlockMemory {
  float* keys;    // [d, kBlockColumns]
  float* values;  // [kBlockKeys, width]
  int64_t d, width;

  Block<Columns, Rows> block(int64_t shift) const { return {{keys, kBlockColumns}, {values, width}, shift}; }
};

// Rows of the fused projection: keys and values of one kv head, `stride` floats apart.
struct RowSpan {
  const float *keys, *values;
  int64_t stride, count;

  // Calls read(block) with the block that starts at key `first`, of which the given number of queries sees
  // [seen.low, seen.high).
  template <class Read>
  void with_block(int64_t first, Sight seen, int64_t, const BlockMemory& to, Read read) const {
    const int64_t low = seen.low / kLanes * kLanes, from = (first + low) * stride;
    pack_columns(keys + from, stride, seen.high - low, to.d, to.keys + low, kBlockColumns);
    pack_rows(values + from, stride, seen.high - low, to.d, to.values + low * to.width);
    read(to.block(0));
  }
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
