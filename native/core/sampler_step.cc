// One step of the sampler: which rows to compute, computing them, drawing, committing.
#include <algorithm>
#include <cmath>

#include "core/philox.h"
#include "core/sampler.h"

namespace spar {
namespace {

// The rows of one step, laid into the sampler's arrays.
class StepRows {
 public:
  explicit StepRows(spar_sampler& sampler) : sampler_(sampler), step_(sampler.step) {
    step_.drawing.clear();
    step_.prefills.clear();
  }

  // Sequences with their prefix in the pool get a row each (there are never more than max_rows);
  // prefixes fill the rest in order of requests, beside sequences only so far that the step takes
  // them at most about twice the time. A prefix that completes in this step is written before it
  // is read in every layer, so its sequences may start at once.
  void choose() {
    for (size_t i = 0; i < sampler_.running.size(); i++)
      if (sampler_.running[i].request->prefix_ready()) add_newest(i);
    limit_ = sampler_.desc.max_rows;
    if (rows_ > 0) {
      const spar_model& model = *sampler_.model;
      const int64_t light = model.context->ops->balance_rows(model.exec.precision);
      limit_ = std::min(limit_, std::max(2 * int64_t{rows_}, light));
    }
    for (const auto& request : sampler_.requests) {
      if (request->admitted == 0 || request->prefix_ready()) continue;
      add_prefix(*request);
    }
    sampler_.view.rows = rows_;
    sampler_.view.sampled = static_cast<int32_t>(step_.drawing.size());
  }

 private:
  void add_row(int32_t token, int64_t position, int64_t slot, KvSpan prefix, KvSpan own) {
    const SamplerArrays& a = sampler_.arrays;
    a.token[rows_] = token;
    a.position[rows_] = static_cast<int32_t>(position);
    a.slot[rows_] = slot;
    a.prefix[rows_] = prefix;
    a.own[rows_] = own;
    rows_++;
  }

  void add_newest(size_t index) {
    const Sequence& s = sampler_.running[index];
    const auto drawn = static_cast<int64_t>(s.tokens.size());
    int32_t token = drawn == 0 ? s.request->prompt.back() : s.tokens.back();
    sampler_.arrays.sampled_row[step_.drawing.size()] = rows_;
    step_.drawing.push_back(index);
    add_row(token, s.request->prefix_tokens() + drawn, s.first_slot + drawn, s.request->prefix,
            {s.first_slot, drawn + 1});
  }

  void add_prefix(SamplerRequest& request) {
    const int64_t left = request.prefix_tokens() - request.prefix_done;
    const int64_t chunk = std::min(left, limit_ - rows_);
    if (chunk <= 0) return;
    for (int64_t i = request.prefix_done; i < request.prefix_done + chunk; i++)
      add_row(request.prompt[static_cast<size_t>(i)], i, request.prefix.first + i, {0, 0},
              {request.prefix.first, i + 1});
    step_.prefills.push_back({&request, chunk});
    if (chunk < left) return;
    for (size_t i = 0; i < sampler_.running.size() && rows_ < limit_; i++)
      if (sampler_.running[i].request == &request) add_newest(i);
  }

  spar_sampler& sampler_;
  Step& step_;
  int32_t rows_ = 0;
  int64_t limit_ = 0;  // rows that prefixes may fill the step up to
};

SampleParams draw_params(const Sequence& s) {
  const spar_request& d = s.request->desc;
  PhiloxWords counter{static_cast<uint32_t>(s.tokens.size()), static_cast<uint32_t>(s.sample),
                      static_cast<uint32_t>(d.prompt_key), static_cast<uint32_t>(d.iteration)};
  return {d.temperature, d.top_p, d.min_p, d.top_k, philox_uniform(d.seed, counter)};
}

int32_t check_logp(const spar_sampler& sampler, const Sequence& s, float logp) {
  if (std::isfinite(logp)) return SPAR_OK;
  return sampler.model->context->error.set(
      SPAR_E_NONFINITE,
      "the log-prob of token %zu of request %lld, sample %d is not finite; the activations overflowed", s.tokens.size(),
      static_cast<long long>(s.request->desc.id), s.sample);
}

// Draws for drawing[first ...], at most the draw program's capacity.
int32_t draw_some(spar_sampler& sampler, size_t first) {
  const std::vector<size_t>& drawing = sampler.step.drawing;
  const SamplerArrays& a = sampler.arrays;
  const size_t count = std::min(drawing.size() - first, static_cast<size_t>(draw_capacity(sampler.desc)));
  for (size_t i = 0; i < count; i++) {
    a.draw_row[i] = a.sampled_row[first + i];
    a.draw_params[i] = draw_params(sampler.running[drawing[first + i]]);
  }
  sampler.draw_rows = static_cast<int32_t>(count);
  spar_model& model = *sampler.model;
  if (int32_t status = run_program(*model.context, model.exec, sampler.programs.draw)) return status;
  for (size_t i = 0; i < count; i++) {
    if (int32_t status = check_logp(sampler, sampler.running[drawing[first + i]], a.draw_logp[i])) return status;
    sampler.step.tokens.push_back(a.draw_token[i]);
    sampler.step.logps.push_back(a.draw_logp[i]);
  }
  return SPAR_OK;
}

int32_t finish_reason(const Sequence& s) {
  const std::vector<int32_t>& stops = s.request->stop_ids;
  if (std::find(stops.begin(), stops.end(), s.tokens.back()) != stops.end()) return SPAR_FINISH_STOP;
  bool full = s.tokens.size() == static_cast<size_t>(s.request->desc.max_new_tokens);
  return full ? SPAR_FINISH_LENGTH : SPAR_FINISH_NONE;
}

void commit(spar_sampler& sampler, spar_progress& progress) {
  const Step& step = sampler.step;
  for (const Prefill& prefill : step.prefills) {
    prefill.request->prefix_done += prefill.tokens;
    progress.prefill += prefill.tokens;
  }
  for (size_t i = 0; i < step.tokens.size(); i++) {
    Sequence& s = sampler.running[step.drawing[i]];
    s.tokens.push_back(step.tokens[i]);
    s.logps.push_back(step.logps[i]);
    progress.tokens++;
  }
  for (size_t i = sampler.running.size(); i-- > 0;) {
    if (sampler.running[i].tokens.empty()) continue;
    int32_t finish = finish_reason(sampler.running[i]);
    if (finish != SPAR_FINISH_NONE) finish_sequence(sampler, i, finish);
  }
}

}  // namespace

int32_t run_step(spar_sampler& sampler, spar_progress& progress) {
  StepRows(sampler).choose();
  Step& step = sampler.step;
  step.tokens.clear();
  step.logps.clear();
  spar_model& model = *sampler.model;
  if (int32_t status = run_program(*model.context, model.exec, sampler.programs.decode)) return status;
  while (step.tokens.size() < step.drawing.size())
    if (int32_t status = draw_some(sampler, step.tokens.size())) return status;
  commit(sampler, progress);
  return SPAR_OK;
}

}  // namespace spar
