// attention: causal grouped-query attention over packed segments with shared prefixes.
// Row m of segment s sees every row of the chain of s's prefixes and the rows of s up to itself;
// with a window w only those at position distance < w. Query head h reads key/value head h G / H.
//   forward   S[j] = scale q.k[j];  mx = max S;  P[j] = exp(S[j] - mx) / sum exp(S - mx)
//             out[m,h] = sum_j P[j] v[j];  lse[m,h] = mx + log sum exp(S - mx)
//             overwrites out and lse
//   backward  dP[j] = dout.v[j];  delta = dout.out;  dS[j] = P[j] (dP[j] - delta) scale
//             dq = sum_j dS[j] k[j];  dk[j] += dS[j] q;  dv[j] += P[j] dout
//             overwrites the whole of dqkv (rows of every segment, prefixes included)
// In bf16 precision q, k and v are bfloat16 numbers (rope_forward); everything else stays fp32.
// Forward: the walk over keys restarts at each segment of the chain, and each row is computed alone
// in an order that depends on its chain only: a group of k responses has the bits of k groups of
// one, and attention_decode has the bits of forward. Backward: sums over blocks of rows in the order
// of blocks.h; the family amx multiplies in bf16 precision by tiles, with all 24 bits (tiles.h).
// Bytes: 4 M (2 H + 2 G) D + keys per row. FLOPs: 4 H D per visible pair forward, 10 backward.
#pragma once
#include "core/exec.h"

namespace spar {

constexpr int32_t kMaxPrefixChain = 8;
constexpr int32_t kMaxHeadDim = 1024;  // what the blocks of a wider head need does not fit into scratch

struct AttentionShape {
  int32_t heads, kv_heads, head_dim;
  int32_t window;  // 0: none
  float scale;     // 1 / sqrt(D), above 0
};

struct AttentionForward {
  const BatchView* batch;
  AttentionShape shape;
  const float* qkv;  // [M, (H + 2G) D] rotated
  float* out;        // [M, H D]
  float* lse;        // [M, H]
};

struct AttentionBackward {
  const BatchView* batch;
  AttentionShape shape;
  const float* qkv;   // [M, (H + 2G) D] rotated
  const float* out;   // [M, H D]
  const float* lse;   // [M, H]
  const float* dout;  // [M, H D]
  float* dqkv;        // [M, (H + 2G) D]
};

}  // namespace spar
