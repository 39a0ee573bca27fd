// attention_decode: the forward of attention/op.h for rows whose keys lie in the key/value pool.
//   out[m] = attention of row m over prefix[m] then own[m]; overwrites out
// Positions of a chain are consecutive and end at position[m], so the window is applied by count.
// Bits are those of attention_forward for the same chain.
// Bytes: 8 G D per visible key and row, in bf16 precision 4. FLOPs: 4 H D per visible pair.
#pragma once
#include "ops/attention/op.h"
#include "ops/kv_write/pool.h"

namespace spar {

struct AttentionDecode {
  const DecodeView* decode;
  AttentionShape shape;
  const float* qkv;  // [M, (H + 2G) D] rotated; only the queries are read
  KvPool pool;       // of this layer
  float* out;        // [M, H D]
};

}  // namespace spar
