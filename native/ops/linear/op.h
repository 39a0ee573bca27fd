// linear: products with a weight matrix W [N, K].
//   prepare          packs W for the two products below, once per optimizer step
//   pack_rows        the same for a block of rows of W, on the calling thread
//   forward          y[m,n]  = sum_k x[m,k] W[n,k] + b[n] or r[m,n]   overwrites y
//   gated            gate_up = x W^T with W [2 F, K];  h[m,f] = silu(gate_up[m,f]) gate_up[m,F+f]
//                    overwrites h; gate_up is overwritten when `keep`, else scratch. The bits are
//                    those of forward and of act_forward
//   backward_input   dx[m,k] (+)= sum_n dy[m,n] W[n,k]         overwrites or accumulates
//   backward_weight  dW[n,k] += sum_m dy[m,n] x[m,k];  db[n] += sum_m dy[m,n]   accumulates
// In bf16 precision both operands of each product are rounded to bfloat16 (nearest even) and
// multiplied and summed in fp32: W when it is packed, x and dy when they are read. Biases, the
// residual and db are not rounded.
// Order of summation: the summed index is cut into chains of kSumChain; a chain is fused
// multiply-adds in ascending order from 0 (the base family rounds each product); the chains are
// added in ascending order to the bias, the residual, the old value or the first chain. This holds whatever M,
// the tile and the number of threads: a row's bits do not depend on its batch. Chains keep the
// rounding error of a long sum near that of a pairwise one. The sum of backward_weight is over all
// M rows of the call.
// Families that multiply bf16 in hardware have an order of their own in bf16 precision:
//   forward, backward_input: the depth is padded with zeros to steps of 32 and cut into equal chains
//   of at most 64 steps; a chain takes its steps in ascending order from 0; chains are added as above.
//   backward_weight: one chain over the rows, in steps of 32, that starts from the old value.
//   avx512bf16: a step adds to the sum the odd, then the even product of each pair of depths
//   (VDPBF16PS). amx: a step's even and odd products are two chains of fused multiply-adds from 0,
//   whose sum is added (TDPBF16PS). Both take denormals as zero and make them zero.
// Bytes: 4 (M K + M N) + packed W. FLOPs: 2 M N K each.
#pragma once
#include "core/exec.h"

namespace spar {

constexpr int64_t kSumChain = 256;

// pack_rows takes rows [n0, n1): n0 a multiple of kPackRows, n1 a multiple or N. Blocks of so many
// rows share no memory of the copies: whole panels and steps of every family.
constexpr int64_t kPackRows = 32;

// direction 0: forward panels, 1: backward panels.
using LinearPackedBytes = int64_t (*)(int64_t n, int64_t k, int32_t precision, int32_t direction);

using LinearPackRows = void (*)(const PackedWeight& weight, int32_t precision, int64_t n0, int64_t n1);

struct LinearPrepare {
  PackedWeight weight;
};

struct LinearForward {
  const int32_t* rows;              // M
  const float* x;                   // [M, K]
  PackedWeight weight;              // [N, K]
  const float* bias;                // [N] or NULL
  float* y;                         // [M, N]
  const float* residual = nullptr;  // [M, N], may be y; or NULL. Not with a bias
};

struct LinearGated {
  const int32_t* rows;  // M
  const float* x;       // [M, K]
  PackedWeight weight;  // [2 F, K], gated
  float* gate_up;       // [M, 2 F]
  float* h;             // [M, F]
  int32_t keep;         // 0: gate_up is not read after this
};

struct LinearBackwardInput {
  const int32_t* rows;
  const float* dy;      // [M, N]
  PackedWeight weight;  // [N, K]
  float* dx;            // [M, K]
  int32_t accumulate;   // 0: overwrite
};

struct LinearBackwardWeight {
  const int32_t* rows;
  const float* dy;  // [M, N]
  const float* x;   // [M, K]
  float* dw;        // [N, K] accumulated
  float* dbias;     // [N] accumulated, or NULL
  int64_t n, k;
};

}  // namespace spar
