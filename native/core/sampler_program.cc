#include "core/sampler_program.h"

namespace spar {
namespace {

// Bytes of the keys, or the values, of one layer's pool.
int64_t layer_bytes(const spar_model_spec& spec, const spar_sampler_desc& desc, int32_t precision) {
  return pool_slots(desc.kv_tokens) * kv_width(spec) * pool_element_bytes(precision);
}

AttentionStep pool_attention(const Lowering& l, const SamplerArrays& arrays, const spar_sampler_desc& desc,
                             int32_t precision, const DecodeView& view) {
  const int64_t bytes = layer_bytes(l.spec, desc, precision), slots = pool_slots(desc.kv_tokens);
  return [&l, &arrays, bytes, slots, &view](int32_t layer, const float* qkv, float* out, LayerActivations&) {
    void* keys = address<char>(arrays.pool, 2 * layer * bytes);
    const KvPool pool = {keys, address<char>(keys, bytes), slots};
    AttentionShape shape = attention_shape(l.spec, layer);
    append(l.program, layer, "", KvWrite{&view, shape.heads, shape.kv_heads, shape.head_dim, qkv, pool});
    append(l.program, layer, "", AttentionDecode{&view, shape, qkv, pool, out});
  };
}

}  // namespace

SamplerArrays take_arrays(Arena& arena, const spar_model_spec& spec, const spar_sampler_desc& desc, int32_t precision) {
  const int64_t m = desc.max_rows, d = draw_capacity(desc);
  SamplerArrays a{};
  a.pool = arena.take<char>(2 * spec.num_layers * layer_bytes(spec, desc, precision));
  for (int32_t** ids : {&a.token, &a.position, &a.sampled_row}) *ids = arena.take<int32_t>(m);
  a.slot = arena.take<int64_t>(m);
  for (KvSpan** spans : {&a.prefix, &a.own}) *spans = arena.take<KvSpan>(m);
  for (int32_t** ids : {&a.draw_row, &a.draw_token}) *ids = arena.take<int32_t>(d);
  a.draw_params = arena.take<SampleParams>(d);
  a.draw_logp = arena.take<float>(d);
  return a;
}

SamplerPrograms lower_sampler(const spar_model_spec& spec, const Weights& weights, const spar_sampler_desc& desc,
                              int32_t precision, const SamplerArrays& arrays, const DecodeView& view,
                              const int32_t* draw_rows, Arena& arena) {
  SamplerPrograms programs;
  Lowering l{spec, weights, arena, programs.decode, desc.max_rows, &view.rows, arrays.token, arrays.position};
  float* x = lower_layers(l, pool_attention(l, arrays, desc, precision, view), nullptr);
  // x stays: each draw of the step reads some of its rows.
  Lowering tail{spec, weights, arena, programs.draw, desc.max_rows, draw_rows, nullptr, nullptr};
  FinalNorm norm{draw_rows, arrays.draw_row, draw_capacity(desc), nullptr, nullptr, nullptr};
  lower_final_norm(tail, x, norm);
  const int64_t v = spec.vocab_size;
  float* logits = arena.take<float>(norm.max_rows * v);
  append(programs.draw, -1, "head", LinearForward{draw_rows, norm.normed, weights.head.packed, nullptr, logits});
  float* scratch = arena.take<float>(norm.max_rows * 2 * v);
  append(programs.draw, -1, "",
         Sample{draw_rows, logits, arrays.draw_params, arrays.draw_token, arrays.draw_logp, scratch, v});
  return programs;
}

}  // namespace spar
