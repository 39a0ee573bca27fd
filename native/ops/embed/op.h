// embed: token ids -> rows of the embedding matrix.
//   forward   x[m, c] = E[token[m], c]            overwrites x
//   backward  dE[token[m], c] += dx[m, c]          accumulates, rows in ascending m
// In bf16 precision the forward rounds E to bfloat16 (the head's computing copy when tied).
// Bytes: 8 M C forward, 12 M C backward. No FLOPs forward, M C backward.
#pragma once
#include "core/exec.h"

namespace spar {

struct EmbedForward {
  const int32_t* rows;   // M
  const int32_t* token;  // [M]
  const float* table;    // [V, C]
  float* x;              // [M, C]
  int64_t c;
};

struct EmbedBackward {
  const int32_t* rows;   // M
  const int32_t* token;  // [M]
  const float* dx;       // [M, C]
  float* dtable;         // [V, C]
  int64_t c;
};

}  // namespace spar
