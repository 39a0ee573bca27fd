// head: hidden rows -> log-prob of one token each, over the whole vocabulary, temperature 1.
//   forward   z[t,v] = x[t].W[v];  lse[t] = log sum_v exp z[t,v]
//             logp[t] = z[t, target] - lse[t];  entropy[t] = lse[t] - sum_v softmax(z)[v] z[t,v]
//             overwrites logp, lse, entropy
//   backward  dz[t,v] = coef[t] (1[v = target] - exp(z[t,v] - lse[t]))
//             dx[t] = sum_v dz[t,v] W[v]  (overwrites);  dW[v] += sum_t dz[t,v] x[t]
// In bf16 precision both operands of each of the three products (x, W, dz) are rounded to bfloat16 as
// in linear, with linear's orders of sums: dx takes a chunk's sum after the other's, dW starts from
// its old value; everything between the products stays fp32.
// The vocabulary is walked in chunks of kHeadChunk columns, logits of one chunk at a time in
// `chunk`, recomputed in the backward pass. A row's sums are taken chunk after chunk in ascending
// order (head/lse.h), so a row has the same bits alone, in a batch and when sampled.
// Bytes: W once a pass plus 8 T V for the chunks. FLOPs: 2 T V C forward, 6 T V C backward.
#pragma once
#include "core/exec.h"

namespace spar {

constexpr int64_t kHeadChunk = 2304;  // whole panels of every family (48, 16 and 8 columns)

struct HeadForward {
  const int32_t* rows;    // T
  const float* x;         // [T, C]
  PackedWeight weight;    // [V, C]
  const int32_t* target;  // [T]
  float* logp;            // [T]
  float* lse;             // [T]
  float* entropy;         // [T] or NULL
  float* chunk;           // scratch [T, kHeadChunk] and 4 T floats of running sums
};

struct HeadBackward {
  const int32_t* rows;
  const float* x;       // [T, C]
  PackedWeight weight;  // [V, C]
  const int32_t* target;
  const float* lse;   // [T]
  const float* coef;  // [T]
  float* dx;          // [T, C] overwritten
  float* dw;          // [V, C] accumulated
  float* chunk;       // scratch as above
};

// Floats of scratch for max_targets rows.
constexpr int64_t head_scratch(int64_t max_targets) { return max_targets * (kHeadChunk + 4); }

}  // namespace spar
