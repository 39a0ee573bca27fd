// rope: from the fused projection to rotated queries and keys (Su et al. 2021, arXiv 2104.09864,
// half-split layout of Hugging Face: pairs are (i, i + D/2)).
// A row of qkv is [H query heads | G key heads | G value heads], each of D floats.
//   forward   with qk_norm first q = RMSNorm_D(q) q_norm, k = RMSNorm_D(k) k_norm (Qwen3);
//             then for i < D/2, with c = cos[p, i], s = sin[p, i] at p = position[m]:
//               out[i] = u[i] c - u[i + D/2] s;  out[i + D/2] = u[i + D/2] c + u[i] s
//             for queries and keys; values are copied. Overwrites out, which may be qkv itself.
//             In bf16 precision all three are rounded to bfloat16 (nearest even) and stored as
//             fp32, so that the key/value pool holds them in 16 bits without loss.
//   backward  d (in: d out, out: d qkv) is turned back in place; with qk_norm it goes on through
//             the norm using the saved raw qkv, and dq_norm, dk_norm accumulate as in norm/op.h
// Bytes: 8 M (H + 2G) D. FLOPs: 6 M (H + G) D / 2, 4 more per element with qk_norm.
#pragma once
#include "core/exec.h"

namespace spar {

struct RopeShape {
  int32_t heads, kv_heads, head_dim;
  const float* cos;     // [max_positions, D/2]
  const float* sin;     // [max_positions, D/2]
  const float* q_norm;  // [D] or NULL
  const float* k_norm;  // [D] or NULL
  float eps;
};

struct RopeForward {
  const int32_t* rows;      // M
  const int32_t* position;  // [M]
  RopeShape shape;
  const float* qkv;  // [M, (H + 2G) D]
  float* out;        // [M, (H + 2G) D]
};

struct RopeBackward {
  const int32_t* rows;
  const int32_t* position;
  RopeShape shape;
  float* d;          // [M, (H + 2G) D] in place
  const float* qkv;  // [M, (H + 2G) D] raw, read only with qk_norm
  float* dq_norm;    // [D] accumulated, NULL without qk_norm
  float* dk_norm;    // [D]
  float* partial;    // scratch [ceil(max M / kNormRowBlock), 2 D], used with qk_norm
};

}  // namespace spar
