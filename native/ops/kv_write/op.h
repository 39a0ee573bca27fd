// kv_write: stores each row's key and value into the pool.
//   keys[slot[m]] = key part of qkv[m];  values[slot[m]] = value part     overwrites those slots
// Bytes: 16 M G D.
#pragma once
#include "core/exec.h"

namespace spar {

struct KvWrite {
  const DecodeView* decode;
  int32_t heads, kv_heads, head_dim;
  const float* qkv;  // [M, (H + 2G) D] rotated
  float* keys;       // [pool, G D] of this layer
  float* values;     // [pool, G D]
};

}  // namespace spar
