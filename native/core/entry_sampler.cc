#include <memory>

#include "core/sampler.h"

using namespace spar;

void spar::lower_into(spar_sampler& sampler, const spar_model_spec& spec, const Weights& weights, int32_t precision,
                      Arena& arena) {
  sampler.arrays = take_arrays(arena, spec, sampler.desc, precision);
  sampler.programs =
      lower_sampler(spec, weights, sampler.desc, precision, sampler.arrays, sampler.view, &sampler.draw_rows, arena);
}

namespace {

int32_t open_sampler(spar_model& model, const spar_sampler_desc& desc, spar_sampler** out) {
  if (int32_t status = validate_sampler_desc(model.context->error, model.spec, desc)) return status;
  auto sampler = std::make_unique<spar_sampler>();
  sampler->model = &model;
  sampler->desc = desc;
  sampler->pool = FirstFit(desc.kv_tokens);
  Arena measure(nullptr);
  lower_into(*sampler, model.spec, model.weights, model.exec.precision, measure);
  if (int32_t status = sampler->memory.open(model.context, measure.bytes(), "a sampler")) return status;
  Arena arena(sampler->memory.data());
  lower_into(*sampler, model.spec, model.weights, model.exec.precision, arena);
  const SamplerArrays& a = sampler->arrays;
  sampler->view = {0, 0, a.token, a.position, a.slot, a.prefix, a.own, a.sampled_row};
  model.samplers++;
  *out = sampler.release();
  return SPAR_OK;
}

int32_t add_request(spar_sampler& sampler, const spar_request& desc) {
  if (int32_t status = validate_request(sampler, desc)) return status;
  auto request = std::make_unique<SamplerRequest>();
  request->order = sampler.next_order;
  request->desc = desc;
  request->prompt.assign(desc.prompt, desc.prompt + desc.num_prompt);
  if (desc.num_stop_ids > 0) request->stop_ids.assign(desc.stop_ids, desc.stop_ids + desc.num_stop_ids);
  request->desc.prompt = nullptr;
  request->desc.stop_ids = nullptr;
  sampler.requests.push_back(std::move(request));
  sampler.next_order++;
  return SPAR_OK;
}

int32_t check_run(spar_sampler& sampler, int32_t max_steps) {
  ErrorText& error = sampler.model->context->error;
  if (max_steps < 1) return error.set(SPAR_E_INVALID, "max_steps is %d; it must be at least 1", max_steps);
  if (!sampler.model->prepared)
    return error.set(SPAR_E_STATE, "the weights are not prepared; call spar_model_prepare first");
  if (sampler.running.empty()) sampler.generation = sampler.model->generation;
  if (sampler.generation != sampler.model->generation)
    return error.set(SPAR_E_STATE, "the weights changed while %zu sequences are running; stop them first",
                     sampler.running.size());
  return SPAR_OK;
}

int32_t run_sampler(spar_sampler& sampler, int32_t max_steps, spar_progress* out) {
  if (int32_t status = check_run(sampler, max_steps)) return status;
  begin_work(*sampler.model->context);
  spar_progress progress{};
  progress.size = sizeof progress;
  for (int32_t step = 0; step < max_steps; step++) {
    admit_waiting(sampler);
    if (sampler.running.empty()) break;
    if (int32_t status = run_step(sampler, progress)) return status;
  }
  progress.running = static_cast<int32_t>(sampler.running.size());
  progress.waiting = waiting_sequences(sampler);
  progress.finished = static_cast<int32_t>(sampler.finished.size());
  *out = progress;
  return SPAR_OK;
}

spar_completion completion(int64_t id, int32_t sample, int32_t finish, const std::vector<int32_t>& tokens,
                           const std::vector<float>& logps) {
  return {sizeof(spar_completion), id,          sample, finish, static_cast<int32_t>(tokens.size()), 1,
          tokens.data(),           logps.data()};
}

int32_t take_finished(spar_sampler& sampler, spar_completion* out) {
  auto first = sampler.finished.begin();
  if (first == sampler.finished.end()) {
    out->found = 0;
    return SPAR_OK;
  }
  sampler.taken = std::move(first->second);
  sampler.finished.erase(first);
  const Finished& t = sampler.taken;
  *out = completion(t.id, t.sample, t.finish, t.tokens, t.logps);
  return SPAR_OK;
}

int32_t peek_running(const spar_sampler& sampler, int32_t index, spar_completion* out) {
  if (index < 0)
    return sampler.model->context->error.set(SPAR_E_INVALID, "index is %d; it must not be negative", index);
  if (static_cast<size_t>(index) >= sampler.running.size()) {
    out->found = 0;
    return SPAR_OK;
  }
  const Sequence& s = sampler.running[static_cast<size_t>(index)];
  *out = completion(s.request->desc.id, s.sample, SPAR_FINISH_NONE, s.tokens, s.logps);
  return SPAR_OK;
}

template <class Tokens>
int32_t cut(ErrorText& error, Tokens& s, int32_t num_tokens) {
  if (num_tokens < 0 || static_cast<size_t>(num_tokens) > s.tokens.size())
    return error.set(SPAR_E_INVALID, "num_tokens is %d; the sequence has %zu", num_tokens, s.tokens.size());
  s.tokens.resize(static_cast<size_t>(num_tokens));
  s.logps.resize(static_cast<size_t>(num_tokens));
  return SPAR_OK;
}

int32_t stop_sequence(spar_sampler& sampler, int64_t id, int32_t sample, int32_t num_tokens) {
  ErrorText& error = sampler.model->context->error;
  for (size_t i = 0; i < sampler.running.size(); i++) {
    Sequence& s = sampler.running[i];
    if (s.request->desc.id != id || s.sample != sample) continue;
    if (int32_t status = cut(error, s, num_tokens)) return status;
    finish_sequence(sampler, i, SPAR_FINISH_HOST);
    return SPAR_OK;
  }
  for (auto& entry : sampler.finished) {
    Finished& f = entry.second;
    if (f.id != id || f.sample != sample) continue;
    if (int32_t status = cut(error, f, num_tokens)) return status;
    f.finish = SPAR_FINISH_HOST;
    return SPAR_OK;
  }
  return error.set(SPAR_E_INVALID, "id %lld, sample %d is neither running nor finished", static_cast<long long>(id),
                   sample);
}

}  // namespace

extern "C" {

int32_t spar_sampler_open(spar_model* model, const spar_sampler_desc* desc, spar_sampler** out) {
  if (model == nullptr) return SPAR_E_INVALID;
  ErrorText& error = model->context->error;
  return guarded(error, "spar_sampler_open", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_sampler_desc", desc, sizeof *desc)) return status;
    if (out == nullptr) return error.set(SPAR_E_INVALID, "out is NULL");
    return open_sampler(*model, *desc, out);
  });
}

int32_t spar_sampler_close(spar_sampler* sampler) {
  if (sampler == nullptr) return SPAR_E_INVALID;
  sampler->model->samplers--;
  delete sampler;
  return SPAR_OK;
}

int32_t spar_sampler_add(spar_sampler* sampler, const spar_request* request) {
  if (sampler == nullptr) return SPAR_E_INVALID;
  ErrorText& error = sampler->model->context->error;
  return guarded(error, "spar_sampler_add", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_request", request, sizeof *request)) return status;
    return add_request(*sampler, *request);
  });
}

int32_t spar_sampler_run(spar_sampler* sampler, int32_t max_steps, spar_progress* out) {
  if (sampler == nullptr) return SPAR_E_INVALID;
  ErrorText& error = sampler->model->context->error;
  return guarded(error, "spar_sampler_run", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_progress", out, sizeof *out)) return status;
    return run_sampler(*sampler, max_steps, out);
  });
}

int32_t spar_sampler_take(spar_sampler* sampler, spar_completion* out) {
  if (sampler == nullptr) return SPAR_E_INVALID;
  ErrorText& error = sampler->model->context->error;
  return guarded(error, "spar_sampler_take", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_completion", out, sizeof *out)) return status;
    return take_finished(*sampler, out);
  });
}

int32_t spar_sampler_peek(spar_sampler* sampler, int32_t index, spar_completion* out) {
  if (sampler == nullptr) return SPAR_E_INVALID;
  ErrorText& error = sampler->model->context->error;
  return guarded(error, "spar_sampler_peek", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_completion", out, sizeof *out)) return status;
    return peek_running(*sampler, index, out);
  });
}

int32_t spar_sampler_stop(spar_sampler* sampler, int64_t id, int32_t sample, int32_t num_tokens) {
  if (sampler == nullptr) return SPAR_E_INVALID;
  return guarded(sampler->model->context->error, "spar_sampler_stop",
                 [&] { return stop_sequence(*sampler, id, sample, num_tokens); });
}

}  // extern "C"
