// Spans of keys and how a block of them is laid out for the row walk: keys as columns, values as
// rows, both fp32. What a block holds does not depend on where the span lies.
#pragma once
#include "backends/cpu/bf16_vec.h"
#include "ops/attention/block.h"
#include "ops/kv_write/pool.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kBlockKeys = 64;
constexpr int64_t kBlockColumns = kBlockKeys + kPoolBlock;  // a block may begin inside a block of the pool

// The part [low, high) of a span that a row sees.
struct Sight {
  int64_t low, high;
};

// A block of keys in scratch.
struct BlockMemory {
  float* keys;    // [d, kBlockColumns]
  float* values;  // [kBlockKeys, width]
  int64_t d, width;
};

// Rows of the fused projection: keys and values of one kv head, `stride` floats apart.
struct RowSpan {
  const float *keys, *values;
  int64_t stride, count;

  // Loads [seen.low, seen.high) of the block that starts at key `first`; returns the column of that
  // key.
  int64_t fill(int64_t first, Sight seen, const BlockMemory& to) const {
    const int64_t low = seen.low / kLanes * kLanes, from = (first + low) * stride;
    pack_columns(keys + from, stride, seen.high - low, to.d, to.keys + low, kBlockColumns);
    pack_rows(values + from, stride, seen.high - low, to.d, to.values + low * to.width);
    return 0;
  }
};

// Slots of the pool: all keys and values of one kv head, and the span's first slot. A span is too
// short for the hardware to follow, so each line asks for one that is needed a block later: keys
// for the values beside them, values for the next keys.
struct PoolSpan {
  const void *keys, *values;
  int64_t slot, count;
  bool bf16;
  int64_t next_slot;  // first of the span that is walked after this one

  int64_t fill(int64_t first, Sight seen, const BlockMemory& to) const {
    return bf16 ? fill_as<uint16_t>(first, seen, to) : fill_as<float>(first, seen, to);
  }

 private:
  template <class T>
  int64_t fill_as(int64_t first, Sight seen, const BlockMemory& to) const {
    const int64_t begin = slot + first, shift = begin % kPoolBlock, at = begin - shift;
    const int64_t low = (shift + seen.low) / kPoolBlock, high = (shift + seen.high + kPoolBlock - 1) / kPoolBlock;
    const T* block = static_cast<const T*>(keys) + at * to.d;
    const T* value = static_cast<const T*>(values) + begin * to.d;
    for (int64_t b = low; b < high; b++) {
      unpack_keys(block + b * kPoolBlock * to.d, to.d, to.keys + b * kPoolBlock);
      fetch_slots(value + (b * kPoolBlock - shift) * to.d, kPoolBlock * to.d);
    }
    const int64_t follows = first + kBlockKeys < count ? begin + kBlockKeys : next_slot;
    const T* next = static_cast<const T*>(keys) + follows / kPoolBlock * kPoolBlock * to.d;
    for (int64_t j = seen.low; j < seen.high; j++) {
      unpack_values(value + j * to.d, to.d, to.values + j * to.width);
      fetch_slots(next + (j - seen.low) * to.d, to.d);
    }
    return shift;
  }

  template <class T>
  static void fetch_slots(const T* from, int64_t elements) {
    const char* line = reinterpret_cast<const char*>(from);
    for (int64_t i = 0; i < elements * static_cast<int64_t>(sizeof(T)); i += 64) __builtin_prefetch(line + i, 0, 2);
  }

  static void unpack_keys(const float* block, int64_t d, float* to) {
    for (int64_t c = 0; c < d; c++)
      for (int64_t i = 0; i < kPoolBlock; i += kLanes)
        store(to + c * kBlockColumns + i, load(block + c * kPoolBlock + i));
  }
  // A word holds two channels of a key.
  static void unpack_keys(const uint16_t* block, int64_t d, float* to) {
    for (int64_t c = 0; c < d; c += 2)
      for (int64_t i = 0; i < kPoolBlock; i += kLanes) {
        vu words;
        std::memcpy(&words, block + c * kPoolBlock + 2 * i, sizeof words);
        store(to + c * kBlockColumns + i, (vf)(words << 16));
        store(to + (c + 1) * kBlockColumns + i, (vf)(words & 0xffff0000u));
      }
  }
  static void unpack_values(const float* row, int64_t d, float* to) {
    each_vector(d, [=](int64_t c, int n) { store(to + c, load_part(row + c, n)); });
  }
  static void unpack_values(const uint16_t* row, int64_t d, float* to) {
    each_vector(d, [=](int64_t c, int n) { store(to + c, load_part_bf16(row + c, n)); });
  }
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
