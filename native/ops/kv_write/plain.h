// kv_write/op.h element by element.
#pragma once
#include "core/bf16.h"
#include "ops/kv_write/op.h"

namespace spar {
namespace plain {

static inline void put(void* elements, int64_t i, float x, int32_t precision) {
  if (precision == SPAR_BF16)
    static_cast<uint16_t*>(elements)[i] = to_bf16(x);
  else
    static_cast<float*>(elements)[i] = x;
}

static inline float get(const void* elements, int64_t i, int32_t precision) {
  return precision == SPAR_BF16 ? from_bf16(static_cast<const uint16_t*>(elements)[i])
                                : static_cast<const float*>(elements)[i];
}

static inline void kv_write(const Exec& exec, const KvWrite& a) {
  const int64_t D = a.head_dim, G = a.kv_heads, H = a.heads;
  for (int64_t m = 0; m < a.decode->rows; m++) {
    const int64_t slot = a.decode->slot[m];
    const float* row = a.qkv + m * (H + 2 * G) * D;
    for (int64_t g = 0; g < G; g++)
      for (int64_t c = 0; c < D; c++) {
        put(a.pool.keys, key_index(a.pool, exec.precision, D, g, slot, c), row[(H + g) * D + c], exec.precision);
        put(a.pool.values, value_index(a.pool, D, g, slot, c), row[(H + G + g) * D + c], exec.precision);
      }
  }
}

}  // namespace plain
}  // namespace spar
