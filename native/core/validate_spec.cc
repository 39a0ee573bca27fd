#include <cmath>

#include "core/model_layout.h"

namespace spar {
namespace {

struct Field {
  const char* name;
  int64_t value, low, high;
};

int32_t check_fields(ErrorText& error, const Field* fields, int count) {
  for (int i = 0; i < count; i++) {
    const Field& f = fields[i];
    if (f.value >= f.low && f.value <= f.high) continue;
    return error.set(SPAR_E_INVALID, "%s is %lld; it must be %lld to %lld", f.name, static_cast<long long>(f.value),
                     static_cast<long long>(f.low), static_cast<long long>(f.high));
  }
  return SPAR_OK;
}

int32_t check_ranges(ErrorText& error, const spar_model_spec& s) {
  // Bounds keep every product of dimensions below 2^62.
  const Field fields[] = {
      {"vocab_size", s.vocab_size, 1, 1 << 24},
      {"hidden_size", s.hidden_size, 1, 1 << 20},
      {"num_layers", s.num_layers, 1, 1 << 10},
      {"num_heads", s.num_heads, 1, 1 << 12},
      {"num_kv_heads", s.num_kv_heads, 1, 1 << 12},
      {"head_dim", s.head_dim, 2, 1 << 10},
      {"intermediate_size", s.intermediate_size, 1, 1 << 22},
      {"max_positions", s.max_positions, 1, 1 << 24},
      {"tie_embeddings", s.tie_embeddings, 0, 1},
      {"qkv_bias", s.qkv_bias, 0, 1},
      {"qk_norm", s.qk_norm, 0, 1},
      {"sliding_window", s.sliding_window, 0, INT32_MAX},
      {"window_first_layer", s.window_first_layer, 0, s.num_layers},
  };
  return check_fields(error, fields, static_cast<int>(sizeof fields / sizeof *fields));
}

int32_t check_rotary(ErrorText& error, const spar_model_spec& s) {
  if (!(std::isfinite(s.rope_scale) && s.rope_scale > 0))
    return error.set(SPAR_E_INVALID, "rope_scale is %g; it must be finite and above 0", s.rope_scale);
  if (s.rope_inv_freq == nullptr)
    return error.set(SPAR_E_INVALID, "rope_inv_freq is NULL; pass head_dim / 2 = %d numbers", s.head_dim / 2);
  for (int i = 0; i < s.head_dim / 2; i++)
    if (!(std::isfinite(s.rope_inv_freq[i]) && s.rope_inv_freq[i] >= 0))
      return error.set(SPAR_E_INVALID, "rope_inv_freq[%d] is %g; it must be finite and not negative", i,
                       s.rope_inv_freq[i]);
  return SPAR_OK;
}

}  // namespace

int32_t validate_spec(ErrorText& error, const spar_model_spec& s, const spar_model_desc& desc) {
  if (int32_t status = check_ranges(error, s)) return status;
  if (s.num_heads % s.num_kv_heads != 0)
    return error.set(SPAR_E_INVALID, "num_heads is %d, not a multiple of num_kv_heads %d", s.num_heads, s.num_kv_heads);
  if (s.head_dim % 2 != 0) return error.set(SPAR_E_INVALID, "head_dim is %d; rotary pairs need it even", s.head_dim);
  if (!(std::isfinite(s.norm_eps) && s.norm_eps > 0))
    return error.set(SPAR_E_INVALID, "norm_eps is %g; it must be finite and above 0", static_cast<double>(s.norm_eps));
  if (int32_t status = check_rotary(error, s)) return status;
  const Field fields[] = {{"precision", desc.precision, SPAR_FP32, SPAR_BF16}, {"trainable", desc.trainable, 0, 1}};
  return check_fields(error, fields, 2);
}

}  // namespace spar
