#include "core/batch_program.h"

#include <initializer_list>

namespace spar {
namespace {

int64_t norm_blocks(int64_t rows) { return (rows + kNormRowBlock - 1) / kNormRowBlock; }

// Appends the backward pass. Kept activations are dropped as soon as their gradient is done.
struct BackwardLowering {
  const Lowering& l;
  const BatchView& view;
  float* partial;       // norms' scratch
  float* rope_partial;  // qk_norm's scratch

  const LayerWeights& weights(int32_t layer) const { return l.weights.layers[static_cast<size_t>(layer)]; }

  void weight_grad(int32_t layer, const char* part, const float* dy, const float* x, const MatrixWeight& w,
                   float* dbias) const {
    append(l.program, layer, part, LinearBackwardWeight{l.rows, dy, x, w.grad, dbias, w.packed.n, w.packed.k});
  }
  void input_grad(int32_t layer, const char* part, const float* dy, const MatrixWeight& w, float* dx) const {
    append(l.program, layer, part, LinearBackwardInput{l.rows, dy, w.packed, dx, 0});
  }
  void drop(std::initializer_list<float*> dead) const {
    for (float* memory : dead) l.arena.drop(memory);
  }

  // dx of the gathered rows, spread back over all rows: [M, C].
  float* final_rows(const FinalNorm& norm, const BatchArrays& arrays, float* chunk) const {
    const int64_t c = l.spec.hidden_size;
    norm_again(norm);
    float* dnormed = l.arena.take<float>(norm.max_rows * c);
    append(l.program, -1, "",
           HeadBackward{norm.rows, norm.normed, l.weights.head.packed, arrays.target_id, arrays.target_lse,
                        arrays.target_coef, dnormed, l.weights.head.grad, chunk});
    drop({norm.normed, chunk});
    float* dgathered = l.arena.take<float>(norm.max_rows * c);
    append(l.program, -1, "final", ZeroRows{norm.rows, dgathered, c});
    append(l.program, -1, "final",
           NormBackward{norm.rows, dnormed, norm.gathered, l.weights.norm.data, norm.rstd, dgathered,
                        l.weights.norm.grad, partial, c});
    drop({dnormed, norm.gathered, norm.rstd});
    float* dx = l.take(c);
    append(l.program, -1, "", Scatter{norm.rows, norm.index, l.rows, dgathered, dx, c});
    drop({dgathered});
    return dx;
  }
  void norm_again(const FinalNorm& norm) const {
    append(l.program, -1, "final",
           NormApply{norm.rows, norm.gathered, l.weights.norm.data, norm.rstd, norm.normed, l.spec.hidden_size});
  }

  // dx: gradient of the layer's output on entry, of x_mid on return.
  void mlp(int32_t layer, const LayerActivations& a, float* dx) const {
    const LayerWeights& w = weights(layer);
    const int64_t c = l.spec.hidden_size, f = l.spec.intermediate_size;
    float* h = l.take(f);  // its gradient first
    input_grad(layer, "down", dx, w.down, h);
    append(l.program, layer, "", ActBackward{l.rows, h, a.gate_up, a.gate_up, f});
    weight_grad(layer, "down", dx, h, w.down, nullptr);
    drop({h});
    float* normed = l.take(c);
    append(l.program, layer, "post_attention", NormApply{l.rows, a.x_mid, w.norm2.data, a.rstd2, normed, c});
    weight_grad(layer, "gate_up", a.gate_up, normed, w.gate_up, nullptr);
    input_grad(layer, "gate_up", a.gate_up, w.gate_up, normed);
    append(l.program, layer, "post_attention",
           NormBackward{l.rows, normed, a.x_mid, w.norm2.data, a.rstd2, dx, w.norm2.grad, partial, c});
    drop({normed, a.gate_up, a.x_mid, a.rstd2});
  }

  // dx: gradient of x_mid on entry, of the layer's input on return.
  void attention(int32_t layer, const LayerActivations& a, float* dx) const {
    const LayerWeights& w = weights(layer);
    const int64_t c = l.spec.hidden_size;
    weight_grad(layer, "o", dx, a.attention, w.o, nullptr);
    float* dout = l.take(attention_width(l.spec));
    input_grad(layer, "o", dx, w.o, dout);
    float* dqkv = l.take(qkv_width(l.spec));
    append(l.program, layer, "",
           AttentionBackward{&view, attention_shape(l.spec, layer), a.qkv, a.attention, a.lse, dout, dqkv});
    drop({dout, a.qkv, a.attention, a.lse});
    append(l.program, layer, "",
           RopeBackward{l.rows, l.position, rope_shape(l.spec, l.weights, layer), dqkv, a.qkv_raw, w.q_norm.grad,
                        w.k_norm.grad, rope_partial});
    if (l.spec.qk_norm != 0) drop({a.qkv_raw});
    float* normed = l.take(c);
    append(l.program, layer, "input", NormApply{l.rows, a.x, w.norm1.data, a.rstd1, normed, c});
    weight_grad(layer, "qkv", dqkv, normed, w.qkv, w.bias.grad);
    input_grad(layer, "qkv", dqkv, w.qkv, normed);
    append(l.program, layer, "input",
           NormBackward{l.rows, normed, a.x, w.norm1.data, a.rstd1, dx, w.norm1.grad, partial, c});
    drop({normed, dqkv, a.x, a.rstd1});
  }
};

AttentionStep batch_attention(const Lowering& l, const BatchView& view) {
  return [&l, &view](int32_t layer, const float* qkv, float* out, LayerActivations& kept) {
    append(l.program, layer, "", AttentionForward{&view, attention_shape(l.spec, layer), qkv, out, kept.lse});
  };
}

}  // namespace

BatchArrays take_arrays(Arena& arena, const spar_batch_desc& desc) {
  const int64_t m = desc.max_rows, t = desc.max_targets, s = desc.max_segments;
  BatchArrays a{};
  for (int32_t** ids : {&a.token, &a.position, &a.target, &a.view_token, &a.view_position})
    *ids = arena.take<int32_t>(m);
  for (float** values : {&a.coef, &a.logp, &a.entropy}) *values = arena.take<float>(m);
  for (spar_segment** segments : {&a.segment, &a.view_segment}) *segments = arena.take<spar_segment>(s);
  for (int32_t** ids : {&a.target_row, &a.target_id}) *ids = arena.take<int32_t>(t);
  for (float** values : {&a.target_coef, &a.target_logp, &a.target_entropy, &a.target_lse})
    *values = arena.take<float>(t);
  return a;
}

BatchPrograms lower_batch(const spar_model_spec& spec, const Weights& weights, const spar_batch_desc& desc,
                          const BatchArrays& arrays, const BatchView& view, Arena& arena) {
  BatchPrograms programs;
  Lowering l{
      spec, weights, arena, programs.forward, desc.max_rows, &view.rows, arrays.view_token, arrays.view_position};
  std::vector<LayerActivations> kept;
  float* x = lower_layers(l, batch_attention(l, view), desc.train ? &kept : nullptr);
  FinalNorm norm{&view.targets, arrays.target_row, desc.max_targets, nullptr, nullptr, nullptr};
  lower_final_norm(l, x, norm);
  arena.drop(x);
  float* chunk = arena.take<float>(head_scratch(desc.max_targets));
  programs.head = programs.forward.size();
  append(programs.forward, -1, "",
         HeadForward{norm.rows, norm.normed, weights.head.packed, arrays.target_id, arrays.target_logp,
                     arrays.target_lse, nullptr, chunk});
  if (!desc.train) return programs;

  Lowering back{
      spec, weights, arena, programs.backward, desc.max_rows, &view.rows, arrays.view_token, arrays.view_position};
  float* partial = arena.take<float>(norm_blocks(desc.max_rows) * spec.hidden_size);
  float* rope_partial = spec.qk_norm ? arena.take<float>(norm_blocks(desc.max_rows) * 2 * spec.head_dim) : nullptr;
  BackwardLowering backward{back, view, partial, rope_partial};
  float* dx = backward.final_rows(norm, arrays, chunk);
  for (int32_t layer = spec.num_layers - 1; layer >= 0; layer--) {
    backward.mlp(layer, kept[static_cast<size_t>(layer)], dx);
    backward.attention(layer, kept[static_cast<size_t>(layer)], dx);
  }
  append(programs.backward, -1, "",
         EmbedBackward{&view.rows, arrays.view_token, dx, weights.embed_grad, spec.hidden_size});
  return programs;
}

}  // namespace spar
