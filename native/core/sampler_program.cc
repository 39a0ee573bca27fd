#include "core/sampler_program.h"

namespace spar {
namespace {

AttentionStep pool_attention(const Lowering& l, const SamplerArrays& arrays, int64_t kv_tokens,
                             const DecodeView& view) {
  return [&l, &arrays, kv_tokens, &view](int32_t layer, const float* qkv, float* out, LayerActivations&) {
    const int64_t tokens = kv_tokens * kv_width(l.spec);
    const int64_t offset = 2 * layer * tokens * static_cast<int64_t>(sizeof(float));
    float* keys = address<float>(arrays.pool, offset);
    float* values = address<float>(keys, tokens * static_cast<int64_t>(sizeof(float)));
    AttentionShape shape = attention_shape(l.spec, layer);
    append(l.program, layer, "", KvWrite{&view, shape.heads, shape.kv_heads, shape.head_dim, qkv, keys, values});
    append(l.program, layer, "", AttentionDecode{&view, shape, qkv, keys, values, out});
  };
}

}  // namespace

SamplerArrays take_arrays(Arena& arena, const spar_model_spec& spec, const spar_sampler_desc& desc) {
  const int64_t m = desc.max_rows, d = draw_capacity(desc);
  SamplerArrays a{};
  a.pool = arena.take<float>(desc.kv_tokens * 2 * spec.num_layers * kv_width(spec));
  for (int32_t** ids : {&a.token, &a.position, &a.sampled_row}) *ids = arena.take<int32_t>(m);
  a.slot = arena.take<int64_t>(m);
  for (KvSpan** spans : {&a.prefix, &a.own}) *spans = arena.take<KvSpan>(m);
  for (int32_t** ids : {&a.draw_row, &a.draw_token}) *ids = arena.take<int32_t>(d);
  a.draw_params = arena.take<SampleParams>(d);
  a.draw_logp = arena.take<float>(d);
  return a;
}

SamplerPrograms lower_sampler(const spar_model_spec& spec, const Weights& weights, const spar_sampler_desc& desc,
                              const SamplerArrays& arrays, const DecodeView& view, const int32_t* draw_rows,
                              Arena& arena) {
  SamplerPrograms programs;
  Lowering l{spec, weights, arena, programs.decode, desc.max_rows, &view.rows, arrays.token, arrays.position};
  float* x = lower_layers(l, pool_attention(l, arrays, desc.kv_tokens, view), nullptr);
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
