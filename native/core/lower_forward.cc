#include <cmath>

#include "core/lowering.h"

namespace spar {
namespace {

// What no layer keeps. All layers use the same memory for it, which stays in the caches.
struct Passing {
  float* normed;  // [M, C]
  float* h;       // [M, F]
};

// norm, fused projection, rotation: x -> rotated qkv.
float* lower_qkv(const Lowering& l, int32_t layer, const Passing& passing, LayerActivations& a, bool keep) {
  const spar_model_spec& spec = l.spec;
  const LayerWeights& w = l.weights.layers[static_cast<size_t>(layer)];
  const int64_t c = spec.hidden_size;
  a.rstd1 = l.take(1);
  append(l.program, layer, "input", NormForward{l.rows, a.x, w.norm1.data, passing.normed, a.rstd1, c, spec.norm_eps});
  float* qkv = l.take(qkv_width(spec));
  append(l.program, layer, "qkv", LinearForward{l.rows, passing.normed, w.qkv.packed, w.bias.data, qkv});
  const bool raw_stays = keep && spec.qk_norm != 0;
  a.qkv_raw = qkv;
  a.qkv = raw_stays ? l.take(qkv_width(spec)) : qkv;
  append(l.program, layer, "", RopeForward{l.rows, l.position, rope_shape(spec, l.weights, layer), qkv, a.qkv});
  return a.qkv;
}

// norm, gate and up, SwiGLU, down: y = x_mid and its branch.
void lower_mlp(const Lowering& l, int32_t layer, const Passing& passing, LayerActivations& a, float* y, bool keep) {
  const LayerWeights& w = l.weights.layers[static_cast<size_t>(layer)];
  const int64_t c = l.spec.hidden_size, f = l.spec.intermediate_size;
  a.rstd2 = l.take(1);
  append(l.program, layer, "post_attention",
         NormForward{l.rows, a.x_mid, w.norm2.data, passing.normed, a.rstd2, c, l.spec.norm_eps});
  a.gate_up = l.take(2 * f);
  append(l.program, layer, "gate_up",
         LinearGated{l.rows, passing.normed, w.gate_up.packed, a.gate_up, passing.h, keep});
  append(l.program, layer, "down", LinearForward{l.rows, passing.h, w.down.packed, nullptr, y, a.x_mid});
}

// One layer; returns its output, which takes the place of the input unless that is kept.
float* lower_layer(const Lowering& l, int32_t layer, const Passing& passing, LayerActivations& a, bool keep,
                   const AttentionStep& attention) {
  const int64_t c = l.spec.hidden_size;
  const LayerWeights& w = l.weights.layers[static_cast<size_t>(layer)];
  float* qkv = lower_qkv(l, layer, passing, a, keep);
  a.attention = l.take(attention_width(l.spec));
  a.lse = l.take(l.spec.num_heads);
  attention(layer, qkv, a.attention, a);
  if (!keep) l.arena.drop(qkv);
  a.x_mid = keep ? l.take(c) : a.x;
  append(l.program, layer, "o", LinearForward{l.rows, a.attention, w.o.packed, nullptr, a.x_mid, a.x});
  if (!keep)
    for (float* dead : {a.rstd1, a.attention, a.lse}) l.arena.drop(dead);
  float* y = keep ? l.take(c) : a.x;
  lower_mlp(l, layer, passing, a, y, keep);
  if (!keep)
    for (float* dead : {a.rstd2, a.gate_up}) l.arena.drop(dead);
  return y;
}

}  // namespace

AttentionShape attention_shape(const spar_model_spec& spec, int32_t layer) {
  int32_t window = layer >= spec.window_first_layer ? spec.sliding_window : 0;
  auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(spec.head_dim)));
  return {spec.num_heads, spec.num_kv_heads, spec.head_dim, window, scale};
}

RopeShape rope_shape(const spar_model_spec& spec, const Weights& weights, int32_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  return {spec.num_heads, spec.num_kv_heads, spec.head_dim, weights.cos,
          weights.sin,    w.q_norm.data,     w.k_norm.data, spec.norm_eps};
}

float* lower_layers(const Lowering& l, const AttentionStep& attention, std::vector<LayerActivations>* kept) {
  float* x = l.take(l.spec.hidden_size);
  append(l.program, -1, "", EmbedForward{l.rows, l.token, l.weights.embed, x, l.spec.hidden_size});
  const Passing passing{l.take(l.spec.hidden_size), l.take(l.spec.intermediate_size)};
  for (int32_t layer = 0; layer < l.spec.num_layers; layer++) {
    LayerActivations a{};
    a.x = x;
    x = lower_layer(l, layer, passing, a, kept != nullptr, attention);
    if (kept != nullptr) kept->push_back(a);
  }
  for (float* dead : {passing.normed, passing.h}) l.arena.drop(dead);
  return x;
}

void lower_final_norm(const Lowering& l, const float* x, FinalNorm& norm) {
  const int64_t c = l.spec.hidden_size;
  norm.gathered = l.arena.take<float>(norm.max_rows * c);
  norm.rstd = l.arena.take<float>(norm.max_rows);
  norm.normed = l.arena.take<float>(norm.max_rows * c);
  append(l.program, -1, "", Gather{norm.rows, norm.index, x, norm.gathered, c});
  append(l.program, -1, "final",
         NormForward{norm.rows, norm.gathered, l.weights.norm.data, norm.normed, norm.rstd, c, l.spec.norm_eps});
}

}  // namespace spar
