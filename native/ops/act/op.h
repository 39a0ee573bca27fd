// act: SwiGLU (Shazeer 2020, arXiv 2002.05202). A row of gate_up is [F gates | F ups].
//   forward   h[m,f] = silu(g) u,  silu(g) = g / (1 + exp(-g))           overwrites h
//   backward  du = dh silu(g);  dg = dh u (s + silu(g) (1 - s)), s = sigmoid(g)
//             overwrites d_gate_up, and dh with the bits of forward's h, which the gradient of the
//             down projection reads next: nothing is recomputed for it
// The families' sigmoid is within 2.5 ulp of the truth from g = -86 on, and 0 or within 2^-124 of it below.
// Bytes: 12 M F forward, 24 M F backward. FLOPs: about 12 M F and 20 M F.
#pragma once
#include "core/exec.h"

namespace spar {

struct ActForward {
  const int32_t* rows;   // M
  const float* gate_up;  // [M, 2F]
  float* h;              // [M, F]
  int64_t f;
};

struct ActBackward {
  const int32_t* rows;
  float* dh;             // [M, F]; on return h
  const float* gate_up;  // [M, 2F]
  float* d_gate_up;      // [M, 2F]; may be gate_up itself
  int64_t f;
};

}  // namespace spar
