// The arrays, forward and backward programs of one batch.
#pragma once
#include "core/lowering.h"

namespace spar {

// Arrays shared with the host and the engine's own copies of them, so that the host may write the
// next batch's ids between forward and backward.
struct BatchArrays {
  int32_t *token, *position, *target;  // host [max_rows]
  float *coef, *logp, *entropy;        // host [max_rows]
  spar_segment* segment;               // host [max_segments]

  int32_t *view_token, *view_position;  // [max_rows]
  spar_segment* view_segment;           // [max_segments]
  int32_t *target_row, *target_id;      // [max_targets]
  float* target_coef;                   // [max_targets]
  float *target_logp, *target_entropy;  // [max_targets]
  float* target_lse;                    // [max_targets]
};

BatchArrays take_arrays(Arena& arena, const spar_batch_desc& desc);

struct BatchPrograms {
  Program forward, backward;  // backward is empty unless desc.train
  size_t head = 0;            // index of head_forward, whose entropy pointer a call sets
};

// `view` is what the calls read rows, ids and segments through; it must outlive the programs.
BatchPrograms lower_batch(const spar_model_spec& spec, const Weights& weights, const spar_batch_desc& desc,
                          const BatchArrays& arrays, const BatchView& view, Arena& arena);

}  // namespace spar
