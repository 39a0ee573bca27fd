// optimizer: one elementwise update of a run of parameters, PyTorch's formulas, g = grad_scale grad.
//   AdamW    p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//            p -= (lr / (1 - b1^t)) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
//   RMSProp  g += wd p;  v = a v + (1 - a) g^2;  p -= lr g / (sqrt(v) + eps)     a = beta2
// AdamW's two changes of p are joined before they meet it: at small lr the decay alone is less than
// half an ulp. Updates p, m, v; reads grad. Scalars are computed in double, elements in float.
// Bytes: 28 P AdamW, 20 P RMSProp. FLOPs: about 14 P and 9 P.
#pragma once
#include "core/exec.h"

namespace spar {

struct OptimizerUpdate {
  int32_t kind;  // SPAR_OPTIM_
  int64_t count;
  float* param;
  const float* grad;
  float* first;   // AdamW m; RMSProp v
  float* second;  // AdamW v; NULL for RMSProp
  double learning_rate, beta1, beta2, eps, weight_decay, grad_scale;
  int64_t step;  // t, 1 for the first
};

}  // namespace spar
