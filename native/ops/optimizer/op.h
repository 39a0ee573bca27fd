// optimizer: one elementwise update of a run of parameters, PyTorch's formulas, g = grad_scale grad,
// and all else that a step does with them, in the same sweep: the gradient is zeroed behind it, and a
// weight matrix is packed block by block (linear's pack_rows) while its rows are in the caches.
//   AdamW    p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//            p -= (lr / (1 - b1^t)) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
//   RMSProp  g += wd p;  v = a v + (1 - a) g^2;  p -= lr g / (sqrt(v) + eps)     a = beta2
// AdamW's two changes of p are joined before they meet it: at small lr the decay alone is less than
// half an ulp. Updates p, m, v; zeroes grad; overwrites the packed copies. Scalars are computed in double, elements in
// float. Bytes: 32 P AdamW, 24 P RMSProp, and the packed copies. FLOPs: about 14 P and 9 P.
#pragma once
#include "core/exec.h"

namespace spar {

struct OptimizerUpdate {
  int32_t kind;  // SPAR_OPTIM_
  int64_t count;
  float* param;
  float* grad;    // zero on return
  float* first;   // AdamW m; RMSProp v
  float* second;  // AdamW v; NULL for RMSProp
  double learning_rate, beta1, beta2, eps, weight_decay, grad_scale;
  int64_t step;              // t, 1 for the first
  PackedWeight weight = {};  // of which param is the master; forward NULL: nothing is packed
};

}  // namespace spar
