// Where every weight lies in the flat parameter vector. Matrices come first, norms and biases
// after them, so that weight decay applies to one run. Projections that read the same input are
// fused: q, k, v are row slices of one matrix, gate and up of another.
#pragma once
#include <string>
#include <vector>

#include "core/error_text.h"

namespace spar {

struct MatrixSlot {
  int64_t n = 0, k = 0, offset = 0;  // [n, k]
};

struct VectorSlot {
  int64_t n = 0, offset = 0;  // n = 0: this model has none
};

struct LayerLayout {
  MatrixSlot qkv, o, gate_up, down;
  VectorSlot norm1, norm2, bias, q_norm, k_norm;
};

// One tensor under its Hugging Face name.
struct TensorInfo {
  std::string name;
  int32_t ndim, decay;
  int64_t rows, columns, offset;
};

struct ModelLayout {
  MatrixSlot embed, head;  // head is embed when tied
  VectorSlot norm;
  std::vector<LayerLayout> layers;
  std::vector<TensorInfo> tensors;
  int64_t parameters = 0;  // floats of the vector, padding included
  int64_t matrices = 0;    // of these the first, which weight decay applies to
};

inline int64_t qkv_width(const spar_model_spec& spec) {
  return (int64_t{spec.num_heads} + 2 * int64_t{spec.num_kv_heads}) * spec.head_dim;
}
inline int64_t attention_width(const spar_model_spec& spec) { return int64_t{spec.num_heads} * spec.head_dim; }
inline int64_t kv_width(const spar_model_spec& spec) { return int64_t{spec.num_kv_heads} * spec.head_dim; }

// INVALID with a text that names the field, its value and what is allowed.
int32_t validate_spec(ErrorText& error, const spar_model_spec& spec, const spar_model_desc& desc);

// The layout of a valid spec.
ModelLayout layout_model(const spar_model_spec& spec);

}  // namespace spar
