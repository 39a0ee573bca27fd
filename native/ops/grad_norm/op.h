// grad_norm: *sum = sum_i grad[i]^2 in double: blocks of kGradBlock in order, each a fixed number
// of lanes, then the blocks in order. Infinite or NaN when a gradient is. Overwrites *sum.
// Bytes: 4 P. FLOPs: 2 P.
#pragma once
#include "core/exec.h"

namespace spar {

constexpr int64_t kGradBlock = 65536;

struct GradNorm {
  const float* grad;  // [P]
  int64_t count;
  double* partial;  // scratch [ceil(P / kGradBlock)]
  double* sum;
};

}  // namespace spar
