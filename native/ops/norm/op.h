// norm: RMSNorm over the last dimension (Zhang & Sennrich 2019, arXiv 1910.07467).
//   forward   rstd[m] = 1 / sqrt(mean_c x[m,c]^2 + eps);  y[m,c] = x[m,c] rstd[m] w[c]
//             overwrites y and rstd
//   backward  g = dy w;  dx[m,c] += rstd (g - x rstd^2 mean_c(g x));  dw[c] += sum_m dy x rstd
//             accumulates dx and dw; the sum over m is a fixed tree: blocks of kNormRowBlock rows
//             in order, then the blocks in order
// y may be recomputed in the backward pass from x and rstd with norm_apply.
// Bytes: 8 M C forward, 16 M C backward. FLOPs: 4 M C forward, 9 M C backward.
#pragma once
#include "core/exec.h"

namespace spar {

constexpr int64_t kNormRowBlock = 64;

struct NormForward {
  const int32_t* rows;  // M
  const float* x;       // [M, C]
  const float* w;       // [C]
  float* y;             // [M, C]
  float* rstd;          // [M]
  int64_t c;
  float eps;
};

// y = x rstd w with a stored rstd: the bits of NormForward.
struct NormApply {
  const int32_t* rows;
  const float* x;     // [M, C]
  const float* w;     // [C]
  const float* rstd;  // [M]
  float* y;           // [M, C]
  int64_t c;
};

struct NormBackward {
  const int32_t* rows;
  const float* dy;    // [M, C]
  const float* x;     // [M, C]
  const float* w;     // [C]
  const float* rstd;  // [M]
  float* dx;          // [M, C] accumulated
  float* dw;          // [C] accumulated
  float* partial;     // scratch [ceil(max M / kNormRowBlock), C]
  int64_t c;
};

}  // namespace spar
