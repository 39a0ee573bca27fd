// sample: one draw per row from filtered logits.
//   q = softmax(z / temperature); keep the top_k most likely; of these the smallest set that has
//   the share top_p of their q; of these the ones with q >= min_p max q; renormalise; draw by
//   inverse CDF in order of falling probability, ties by rising id, at the row's uniform number.
//   Off: top_k <= 0 or >= V, top_p >= 1, min_p <= 0. At least one id is kept.
//   temperature 0: the most likely id, lowest id on a tie. Without filters the inverse CDF runs
//   over ids in rising order (no sort).
//   token[r] = the id;  logp[r] = z[id] - lse(z) at temperature 1, lse as in head/lse.h
// Overwrites token and logp. Bytes: 4 R V or more. FLOPs: about 10 R V.
#pragma once
#include "core/exec.h"

namespace spar {

struct SampleParams {
  float temperature, top_p, min_p;
  int32_t top_k;
  double uniform;  // in [0, 1)
};

struct Sample {
  const int32_t* rows;         // R
  const float* logits;         // [R, V]
  const SampleParams* params;  // [R]
  int32_t* token;              // [R]
  float* logp;                 // [R]
  float* scratch;              // [R, 2 V]
  int64_t v;
};

}  // namespace spar
