#include <cmath>

#include "core/sampler.h"

namespace spar {
namespace {

long long wide(int64_t value) { return static_cast<long long>(value); }

int32_t check_counts(ErrorText& error, const spar_request& r) {
  const struct {
    const char* name;
    int32_t value, low;
  } fields[] = {{"num_prompt", r.num_prompt, 1},     {"num_samples", r.num_samples, 1},
                {"first_sample", r.first_sample, 0}, {"max_new_tokens", r.max_new_tokens, 1},
                {"num_stop_ids", r.num_stop_ids, 0}, {"top_k", r.top_k, 0}};
  for (const auto& f : fields)
    if (f.value < f.low) return error.set(SPAR_E_INVALID, "%s is %d; it must be at least %d", f.name, f.value, f.low);
  if (int64_t{r.first_sample} + r.num_samples > INT32_MAX)
    return error.set(SPAR_E_INVALID, "first_sample %d + num_samples %d is too large", r.first_sample, r.num_samples);
  if (r.reserved != 0) return error.set(SPAR_E_INVALID, "reserved is %d; it must be 0", r.reserved);
  return SPAR_OK;
}

int32_t check_filters(ErrorText& error, const spar_request& r) {
  if (!(std::isfinite(r.temperature) && r.temperature >= 0))
    return error.set(SPAR_E_INVALID, "temperature is %g; it must be finite and not negative",
                     static_cast<double>(r.temperature));
  if (!(r.top_p > 0 && r.top_p <= 1))
    return error.set(SPAR_E_INVALID, "top_p is %g; it must be above 0 and at most 1", static_cast<double>(r.top_p));
  if (!(r.min_p >= 0 && r.min_p <= 1))
    return error.set(SPAR_E_INVALID, "min_p is %g; it must be 0 to 1", static_cast<double>(r.min_p));
  return SPAR_OK;
}

int32_t check_ids(ErrorText& error, const char* name, const int32_t* ids, int32_t count, int32_t vocab) {
  if (count > 0 && ids == nullptr) return error.set(SPAR_E_INVALID, "%s is NULL but has %d ids", name, count);
  for (int32_t i = 0; i < count; i++)
    if (ids[i] < 0 || ids[i] >= vocab)
      return error.set(SPAR_E_INVALID, "%s[%d] is %d, not in the vocabulary of %d", name, i, ids[i], vocab);
  return SPAR_OK;
}

int32_t check_room(ErrorText& error, const spar_sampler& sampler, const spar_request& r) {
  const int64_t need = int64_t{r.num_prompt} - 1 + r.max_new_tokens;
  if (need > sampler.desc.kv_tokens)
    return error.set(SPAR_E_INVALID, "the request needs %lld pool tokens (%d of prompt, %d new); kv_tokens is %lld",
                     wide(need), r.num_prompt - 1, r.max_new_tokens, wide(sampler.desc.kv_tokens));
  if (need > sampler.model->spec.max_positions)
    return error.set(SPAR_E_INVALID, "the request needs %lld positions (%d of prompt, %d new); max_positions is %d",
                     wide(need), r.num_prompt - 1, r.max_new_tokens, sampler.model->spec.max_positions);
  return SPAR_OK;
}

// (id, sample) names a completion, so it must not be in use.
int32_t check_name(ErrorText& error, const spar_sampler& sampler, const spar_request& r) {
  auto in_range = [&r](int32_t sample) { return sample >= r.first_sample && sample < r.first_sample + r.num_samples; };
  bool used = false;
  for (const auto& other : sampler.requests) {
    const spar_request& o = other->desc;
    used |= o.id == r.id && o.first_sample < r.first_sample + r.num_samples &&
            r.first_sample < o.first_sample + o.num_samples;
  }
  for (const auto& done : sampler.finished) used |= done.second.id == r.id && in_range(done.second.sample);
  if (!used) return SPAR_OK;
  return error.set(SPAR_E_INVALID, "id %lld has one of samples %d to %d already; take it first or use another id",
                   wide(r.id), r.first_sample, r.first_sample + r.num_samples - 1);
}

}  // namespace

int32_t validate_sampler_desc(ErrorText& error, const spar_model_spec& spec, const spar_sampler_desc& desc) {
  if (desc.max_rows < 1 || desc.max_rows > 1 << 20)
    return error.set(SPAR_E_INVALID, "max_rows is %d; it must be 1 to %d", desc.max_rows, 1 << 20);
  if (desc.reserved != 0) return error.set(SPAR_E_INVALID, "reserved is %d; it must be 0", desc.reserved);
  // The pool's bytes stay below 2^50.
  const int64_t token_bytes = 8 * int64_t{spec.num_layers} * kv_width(spec);
  const int64_t most = (int64_t{1} << 50) / token_bytes;
  if (desc.kv_tokens < 1 || desc.kv_tokens > most)
    return error.set(SPAR_E_INVALID, "kv_tokens is %lld; it must be 1 to %lld", wide(desc.kv_tokens), wide(most));
  return SPAR_OK;
}

int32_t validate_request(const spar_sampler& sampler, const spar_request& r) {
  ErrorText& error = sampler.model->context->error;
  const int32_t vocab = sampler.model->spec.vocab_size;
  if (int32_t status = check_counts(error, r)) return status;
  if (int32_t status = check_filters(error, r)) return status;
  if (int32_t status = check_ids(error, "prompt", r.prompt, r.num_prompt, vocab)) return status;
  if (int32_t status = check_ids(error, "stop_ids", r.stop_ids, r.num_stop_ids, vocab)) return status;
  if (int32_t status = check_room(error, sampler, r)) return status;
  return check_name(error, sampler, r);
}

}  // namespace spar
