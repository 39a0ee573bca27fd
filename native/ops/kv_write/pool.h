// The sampler's pool of keys and values, as one layer's ops see it. Elements are fp32, or in bf16
// precision bfloat16, which loses nothing: rope_forward has rounded them.
//   values [G, slots, D]
//   keys   [G, slots / 16, D, 16] in fp32, [G, slots / 16, D / 2, 16, 2] in bf16 precision
// Each kv head's keys and values are contiguous. Keys are transposed in blocks of 16 slots, so
// that the scores of 16 keys are one vector; in bf16 two neighbouring channels make a word.
#pragma once
#include <cstdint>

#include "include/spar.h"

namespace spar {

constexpr int64_t kPoolBlock = 16;

struct KvPool {
  void *keys, *values;
  int64_t slots;  // a multiple of kPoolBlock
};

// The slots of a pool of at least `tokens`.
static inline __attribute__((always_inline, unused)) int64_t pool_slots(int64_t tokens) {
  return (tokens + kPoolBlock - 1) / kPoolBlock * kPoolBlock;
}

static inline __attribute__((always_inline, unused)) int64_t pool_element_bytes(int32_t precision) {
  return precision == SPAR_BF16 ? 2 : 4;
}

// Index of channel c of kv head g in a slot.
static inline __attribute__((always_inline, unused)) int64_t value_index(const KvPool& pool, int64_t head_dim,
                                                                         int64_t g, int64_t slot, int64_t c) {
  return (g * pool.slots + slot) * head_dim + c;
}
static inline __attribute__((always_inline, unused)) int64_t key_index(const KvPool& pool, int32_t precision,
                                                                       int64_t head_dim, int64_t g, int64_t slot,
                                                                       int64_t c) {
  const int64_t block = (g * pool.slots + slot / kPoolBlock * kPoolBlock) * head_dim, lane = slot % kPoolBlock;
  if (precision == SPAR_BF16) return block + c / 2 * (2 * kPoolBlock) + 2 * lane + c % 2;
  return block + c * kPoolBlock + lane;
}

}  // namespace spar
