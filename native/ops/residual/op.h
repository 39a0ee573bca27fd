// residual: out[i] = a[i] + b[i] over M rows of C floats. Overwrites out, which may be a or b.
// Bytes: 12 M C. FLOPs: M C.
#pragma once
#include "core/exec.h"

namespace spar {

struct Residual {
  const int32_t* rows;  // M
  const float* a;       // [M, C]
  const float* b;       // [M, C]
  float* out;           // [M, C]
  int64_t c;
};

}  // namespace spar
