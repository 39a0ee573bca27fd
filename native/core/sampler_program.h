// The arrays and programs of one sampler. `decode` runs one step's rows through all layers;
// `draw` takes up to kDrawRows of them through the head and draws a token each.
#pragma once
#include "core/lowering.h"

namespace spar {

// Rows that draw at once: bounds the logits, while the head matrix is still read for many rows.
constexpr int32_t kDrawRows = 64;

struct SamplerArrays {
  void* pool;                               // per layer keys, then values: ops/kv_write/pool.h
  int32_t *token, *position, *sampled_row;  // [max_rows]
  int64_t* slot;                            // [max_rows]
  KvSpan *prefix, *own;                     // [max_rows]
  int32_t *draw_row, *draw_token;           // [draw rows]
  SampleParams* draw_params;                // [draw rows]
  float* draw_logp;                         // [draw rows]
};

// precision: of the model; the pool's element type follows from it.
SamplerArrays take_arrays(Arena& arena, const spar_model_spec& spec, const spar_sampler_desc& desc, int32_t precision);

struct SamplerPrograms {
  Program decode, draw;
};

// Calls read rows through `view` and the number of drawing rows through `draw_rows`.
SamplerPrograms lower_sampler(const spar_model_spec& spec, const Weights& weights, const spar_sampler_desc& desc,
                              int32_t precision, const SamplerArrays& arrays, const DecodeView& view,
                              const int32_t* draw_rows, Arena& arena);

// Rows of the draw program's arrays.
inline int64_t draw_capacity(const spar_sampler_desc& desc) {
  return desc.max_rows < kDrawRows ? desc.max_rows : kDrawRows;
}

}  // namespace spar
