#include "core/weights.h"

#include <cmath>

namespace spar {
namespace {

struct Binder {
  const spar_model_desc& desc;
  const OpTable& ops;
  float *masters, *grads;
  Arena& packed;

  float* master(int64_t offset) const { return address<float>(masters, offset * 4); }
  float* grad(int64_t offset) const { return desc.trainable ? address<float>(grads, offset * 4) : nullptr; }

  void* panels(const MatrixSlot& slot, int32_t direction) const {
    return packed.take<char>(ops.linear_packed_bytes(slot.n, slot.k, desc.precision, direction));
  }
  MatrixWeight matrix(const MatrixSlot& slot, bool gated = false) const {
    void* forward = panels(slot, 0);
    void* backward = desc.trainable ? panels(slot, 1) : nullptr;
    return {{master(slot.offset), forward, backward, slot.n, slot.k, gated}, grad(slot.offset)};
  }
  VectorWeight vector(const VectorSlot& slot) const {
    if (slot.n == 0) return {nullptr, nullptr};
    return {master(slot.offset), grad(slot.offset)};
  }
  LayerWeights layer(const LayerLayout& l) const {
    return {matrix(l.qkv),   matrix(l.o),    matrix(l.gate_up, true), matrix(l.down),  vector(l.norm1),
            vector(l.norm2), vector(l.bias), vector(l.q_norm),        vector(l.k_norm)};
  }
};

}  // namespace

Weights bind_weights(const spar_model_spec& spec, const spar_model_desc& desc, const ModelLayout& layout,
                     const OpTable& ops, float* masters, float* grads, Arena& packed) {
  Binder bind{desc, ops, masters, grads, packed};
  Weights weights{};
  weights.embed = bind.master(layout.embed.offset);
  weights.embed_grad = bind.grad(layout.embed.offset);
  for (const LayerLayout& layer : layout.layers) weights.layers.push_back(bind.layer(layer));
  weights.norm = bind.vector(layout.norm);
  weights.head = bind.matrix(layout.head);
  const int64_t table = int64_t{spec.max_positions} * (spec.head_dim / 2);
  weights.cos = packed.take<float>(table);
  weights.sin = packed.take<float>(table);
  weights.partial = packed.take<double>((layout.parameters + kGradBlock - 1) / kGradBlock);
  weights.sum = packed.take<double>(1);
  return weights;
}

void fill_rotary(const spar_model_spec& spec, Weights& weights) {
  const int64_t half = spec.head_dim / 2;
  for (int64_t p = 0; p < spec.max_positions; p++)
    for (int64_t i = 0; i < half; i++) {
      double angle = static_cast<double>(p) * spec.rope_inv_freq[i];
      weights.cos[p * half + i] = static_cast<float>(std::cos(angle) * spec.rope_scale);
      weights.sin[p * half + i] = static_cast<float>(std::sin(angle) * spec.rope_scale);
    }
}

}  // namespace spar
