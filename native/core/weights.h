// The weights of a model as ops take them: masters, gradients, packed copies, rotary tables.
#pragma once
#include <vector>

#include "core/arena.h"
#include "core/model_layout.h"
#include "core/op_table.h"

namespace spar {

struct MatrixWeight {
  PackedWeight packed;
  float* grad;
};

struct VectorWeight {
  const float* data;  // NULL: this model has none
  float* grad;
};

struct LayerWeights {
  MatrixWeight qkv, o, gate_up, down;
  VectorWeight norm1, norm2, bias, q_norm, k_norm;
};

struct Weights {
  const float* embed;
  float* embed_grad;
  MatrixWeight head;
  VectorWeight norm;
  std::vector<LayerWeights> layers;
  float *cos, *sin;  // [max_positions, D/2]
  double* partial;   // scratch of grad_norm
  double* sum;
};

// Points into masters and grads (NULL: not trainable), and takes the computing copies, the tables
// and the scratch from `packed`.
Weights bind_weights(const spar_model_spec& spec, const spar_model_desc& desc, const ModelLayout& layout,
                     const OpTable& ops, float* masters, float* grads, Arena& packed);

// cos and sin of position x frequency, times the scale; angles in double.
void fill_rotary(const spar_model_spec& spec, Weights& weights);

}  // namespace spar
