// From a model to programs. A lowering appends op calls to a program and takes their tensors from
// an arena; with an arena that has no base it only finds sizes.
#pragma once
#include <functional>

#include "core/program.h"
#include "core/weights.h"

namespace spar {

// What one layer's forward leaves for its backward. Everything else is recomputed there.
struct LayerActivations {
  float* x;          // [M, C] layer input
  float* rstd1;      // [M]
  float* qkv_raw;    // [M, (H+2G) D] before rotation; only with qk_norm
  float* qkv;        // [M, (H+2G) D] rotated
  float* attention;  // [M, H D]
  float* lse;        // [M, H]
  float* x_mid;      // [M, C] after the attention residual
  float* rstd2;      // [M]
  float* gate_up;    // [M, 2F]; the backward turns it into its own gradient
};

// Appends the attention of a layer, which reads rotated qkv and writes out.
using AttentionStep = std::function<void(int32_t layer, const float* qkv, float* out, LayerActivations& kept)>;

struct Lowering {
  const spar_model_spec& spec;
  const Weights& weights;
  Arena& arena;
  Program& program;
  int64_t max_rows;
  const int32_t* rows;      // M of the call at hand
  const int32_t* token;     // [M]
  const int32_t* position;  // [M]

  float* take(int64_t width) const { return arena.take<float>(max_rows * width); }
};

AttentionShape attention_shape(const spar_model_spec& spec, int32_t layer);
RopeShape rope_shape(const spar_model_spec& spec, const Weights& weights, int32_t layer);

// Embedding and all layers. Returns the last layer's output [M, C], which the caller drops. With
// `kept` the activations of each layer stay; without it their memory is used again.
float* lower_layers(const Lowering& l, const AttentionStep& attention, std::vector<LayerActivations>* kept);

// Gather of rows, final norm: [T, C] into `normed`; x and rstd are kept when given.
struct FinalNorm {
  const int32_t* rows;   // T
  const int32_t* index;  // [T]
  int64_t max_rows;
  float* gathered;  // [T, C]
  float* rstd;      // [T]
  float* normed;    // [T, C]
};
void lower_final_norm(const Lowering& l, const float* x, FinalNorm& norm);

}  // namespace spar
