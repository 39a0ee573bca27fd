#include "core/model_layout.h"

namespace spar {
namespace {

constexpr int64_t kAlignedFloats = 16;  // 64 bytes

// Hands out aligned runs of the parameter vector.
struct Cursor {
  int64_t next = 0;

  int64_t take(int64_t floats) {
    int64_t offset = next;
    next += (floats + kAlignedFloats - 1) / kAlignedFloats * kAlignedFloats;
    return offset;
  }
  MatrixSlot matrix(int64_t n, int64_t k) { return {n, k, take(n * k)}; }
  VectorSlot vector(int64_t n) { return {n, take(n)}; }
};

void place_matrices(const spar_model_spec& spec, Cursor& cursor, ModelLayout& layout) {
  const int64_t c = spec.hidden_size, f = spec.intermediate_size;
  layout.embed = cursor.matrix(spec.vocab_size, c);
  for (LayerLayout& layer : layout.layers) {
    layer.qkv = cursor.matrix(qkv_width(spec), c);
    layer.o = cursor.matrix(c, attention_width(spec));
    layer.gate_up = cursor.matrix(2 * f, c);
    layer.down = cursor.matrix(c, f);
  }
  layout.head = spec.tie_embeddings ? layout.embed : cursor.matrix(spec.vocab_size, c);
}

void place_vectors(const spar_model_spec& spec, Cursor& cursor, ModelLayout& layout) {
  for (LayerLayout& layer : layout.layers) {
    layer.norm1 = cursor.vector(spec.hidden_size);
    layer.norm2 = cursor.vector(spec.hidden_size);
    if (spec.qkv_bias) layer.bias = cursor.vector(qkv_width(spec));
    if (spec.qk_norm) layer.q_norm = cursor.vector(spec.head_dim);
    if (spec.qk_norm) layer.k_norm = cursor.vector(spec.head_dim);
  }
  layout.norm = cursor.vector(spec.hidden_size);
}

// Names tensors and their slices.
struct Namer {
  std::vector<TensorInfo>& tensors;

  void matrix(const std::string& name, const MatrixSlot& slot, int64_t first_row, int64_t rows) {
    tensors.push_back({name + ".weight", 2, 1, rows, slot.k, slot.offset + first_row * slot.k});
  }
  void vector(const std::string& name, const VectorSlot& slot, int64_t first, int64_t n) {
    tensors.push_back({name, 1, 0, n, 1, slot.offset + first});
  }
};

void name_layer(const spar_model_spec& spec, const LayerLayout& layer, const std::string& at, Namer namer) {
  const int64_t q = attention_width(spec), kv = kv_width(spec), f = spec.intermediate_size;
  namer.vector(at + "input_layernorm.weight", layer.norm1, 0, layer.norm1.n);
  const char* projections[] = {"q_proj", "k_proj", "v_proj"};
  const int64_t first[] = {0, q, q + kv}, rows[] = {q, kv, kv};
  for (int i = 0; i < 3; i++) {
    std::string name = at + "self_attn." + projections[i];
    namer.matrix(name, layer.qkv, first[i], rows[i]);
    if (spec.qkv_bias) namer.vector(name + ".bias", layer.bias, first[i], rows[i]);
  }
  if (spec.qk_norm) namer.vector(at + "self_attn.q_norm.weight", layer.q_norm, 0, layer.q_norm.n);
  if (spec.qk_norm) namer.vector(at + "self_attn.k_norm.weight", layer.k_norm, 0, layer.k_norm.n);
  namer.matrix(at + "self_attn.o_proj", layer.o, 0, layer.o.n);
  namer.vector(at + "post_attention_layernorm.weight", layer.norm2, 0, layer.norm2.n);
  namer.matrix(at + "mlp.gate_proj", layer.gate_up, 0, f);
  namer.matrix(at + "mlp.up_proj", layer.gate_up, f, f);
  namer.matrix(at + "mlp.down_proj", layer.down, 0, layer.down.n);
}

}  // namespace

ModelLayout layout_model(const spar_model_spec& spec) {
  ModelLayout layout;
  layout.layers.resize(static_cast<size_t>(spec.num_layers));
  Cursor cursor;
  place_matrices(spec, cursor, layout);
  layout.matrices = cursor.next;
  place_vectors(spec, cursor, layout);
  layout.parameters = cursor.next;

  Namer namer{layout.tensors};
  namer.matrix("model.embed_tokens", layout.embed, 0, layout.embed.n);
  for (size_t i = 0; i < layout.layers.size(); i++)
    name_layer(spec, layout.layers[i], "model.layers." + std::to_string(i) + ".", namer);
  namer.vector("model.norm.weight", layout.norm, 0, layout.norm.n);
  if (!spec.tie_embeddings) namer.matrix("lm_head", layout.head, 0, layout.head.n);
  return layout;
}

}  // namespace spar
