// copy: rows by index.
//   gather   out[t] = x[index[t]]                      overwrites out [T, C]
//   scatter  out[index[t]] = x[t], other rows zero     overwrites out [M, C]; indices ascend
// Bytes: 8 T C gather, 4 T C + 4 M C scatter.
#pragma once
#include "core/exec.h"

namespace spar {

struct Gather {
  const int32_t* rows;   // T
  const int32_t* index;  // [T]
  const float* x;
  float* out;  // [T, C]
  int64_t c;
};

struct Scatter {
  const int32_t* rows;      // T
  const int32_t* index;     // [T], each larger than the one before
  const int32_t* out_rows;  // M
  const float* x;           // [T, C]
  float* out;               // [M, C]
  int64_t c;
};

}  // namespace spar
