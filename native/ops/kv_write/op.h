// kv_write: stores each row's key and value into slot[m] of the pool (pool.h has its layout).
//   overwrites those slots
// Bytes: 16 M G D, in bf16 precision 12.
#pragma once
#include "core/exec.h"
#include "ops/kv_write/pool.h"

namespace spar {

struct KvWrite {
  const DecodeView* decode;
  int32_t heads, kv_heads, head_dim;  // head_dim is even
  const float* qkv;                   // [M, (H + 2G) D] rotated
  KvPool pool;                        // of this layer
};

}  // namespace spar
