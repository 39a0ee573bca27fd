// Spans of slots of the pool and how the row walk reads a block of them: in place, or for many
// queries unpacked to fp32 once. A span is too short for the hardware to follow, so each line asks
// for one that is needed a block later: keys for the values beside them, values for the next keys.
#pragma once
#include <cstring>

#include "backends/cpu/bf16_vec.h"
#include "ops/attention/span.h"
#include "ops/kv_write/pool.h"

namespace spar {
namespace SPAR_ISA_NS {

static_assert(kBlockColumns >= kBlockKeys + kPoolBlock, "a block may begin inside a block of the pool");

// So many queries read a block in place; for more it pays to unpack it.
constexpr int64_t kInPlace = 2 * kGroup;

template <class T>
SPAR_INLINE void fetch(const T* line) {
  __builtin_prefetch(line, 0, 2);
}

// Keys of one kv head from a block of the pool on, as columns.
template <class T>
struct PoolKeys {
  static constexpr int kStep = sizeof(T) == 2 ? 2 : 1;  // bf16: two channels of a key make a word
  const T* data;
  int64_t d;
  const T* values;  // of the same slots

  SPAR_INLINE_MEMBER void load_channels(int64_t c, int64_t j, vf* k) const {
    const int64_t at = j / kPoolBlock * kPoolBlock * d + c * kPoolBlock + j % kPoolBlock * kStep;
    fetch(values + at);
    if constexpr (kStep == 1) {
      k[0] = load(data + at);
    } else {
      vu words;
      std::memcpy(&words, data + at, sizeof words);
      k[0] = (vf)(words << 16);
      k[1] = (vf)(words & 0xffff0000u);
    }
  }
};

// Values of one kv head, a row for a slot.
template <class T>
struct PoolValues {
  const T* data;
  int64_t d;
  const T* next;  // keys that are read after them

  PoolValues from(int64_t j) const { return {data + j * d, d, next + j * d}; }
  SPAR_INLINE_MEMBER vf load_channels(int64_t j, int64_t c) const { return load_part_channels(j, c, kLanes); }
  SPAR_INLINE_MEMBER vf load_part_channels(int64_t j, int64_t c, int n) const {
    const int64_t at = j * d + c;
    if (c * static_cast<int64_t>(sizeof(T)) % 64 == 0) fetch(next + at);
    if constexpr (sizeof(T) == 2)
      return load_part_bf16(data + at, n);
    else
      return load_part(data + at, n);
  }
};

// One kv head's keys and values of the whole pool, and the slots of a span.
struct PoolSpan {
  const void *keys, *values;
  int64_t slot, count;
  bool bf16;
  int64_t next_slot;  // first of the span that is walked after this one

  template <class Read>
  void with_block(int64_t first, Sight seen, int64_t queries, const BlockMemory& to, Read read) const {
    bf16 ? with<uint16_t>(first, seen, queries, to, read) : with<float>(first, seen, queries, to, read);
  }

 private:
  template <class T, class Read>
  void with(int64_t first, Sight seen, int64_t queries, const BlockMemory& to, Read read) const {
    const int64_t begin = slot + first, shift = begin % kPoolBlock, follows = first + kBlockKeys;
    const int64_t next = (follows < count ? slot + follows : next_slot) / kPoolBlock * kPoolBlock;
    const T *k = static_cast<const T*>(keys), *v = static_cast<const T*>(values);
    const Block<PoolKeys<T>, PoolValues<T>> block = {{k + (begin - shift) * to.d, to.d, v + (begin - shift) * to.d},
                                                     {v + begin * to.d, to.d, k + next * to.d},
                                                     shift};
    if (queries <= kInPlace && to.d % kLanes == 0) return read(block);
    unpack(block, seen, to);
    read(to.block(shift));
  }

  template <class T>
  static void unpack(const Block<PoolKeys<T>, PoolValues<T>>& block, Sight seen, const BlockMemory& to) {
    constexpr int kStep = PoolKeys<T>::kStep;
    for (int64_t j = (block.shift + seen.low) / kLanes * kLanes; j < block.shift + seen.high; j += kLanes)
      for (int64_t c = 0; c < to.d; c += kStep) {
        vf k[kStep];
        block.keys.load_channels(c, j, k);
        for (int e = 0; e < kStep; e++) store(to.keys + (c + e) * kBlockColumns + j, k[e]);
      }
    for (int64_t j = seen.low; j < seen.high; j++)
      each_vector(to.d, [&](int64_t c, int n) {
        store(to.values + j * to.width + c, block.values.load_part_channels(j, c, n));
      });
  }
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
