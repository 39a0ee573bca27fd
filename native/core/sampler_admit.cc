// The sampler's queue and pool.
#include <algorithm>
#include <utility>

#include "core/sampler.h"

namespace spar {
namespace {

// Pool runs for the next sample of a request, and for its prefix before the first.
bool take_runs(spar_sampler& sampler, SamplerRequest& request, int64_t* first_slot) {
  const bool first = request.admitted == 0;
  const int64_t prefix = request.prefix_tokens();
  int64_t prefix_first = 0;
  if (first && prefix > 0) {
    prefix_first = sampler.pool.take(prefix);
    if (prefix_first < 0) return false;
  }
  *first_slot = sampler.pool.take(request.desc.max_new_tokens);
  if (*first_slot < 0) {
    if (first) sampler.pool.give(prefix_first, prefix);
    return false;
  }
  if (first) request.prefix = {prefix_first, prefix};
  return true;
}

SamplerRequest* first_waiting(const spar_sampler& sampler) {
  for (const auto& request : sampler.requests)
    if (request->admitted < request->desc.num_samples) return request.get();
  return nullptr;
}

void end_request(spar_sampler& sampler, const SamplerRequest* request) {
  sampler.pool.give(request->prefix.first, request->prefix.count);
  auto found = std::find_if(sampler.requests.begin(), sampler.requests.end(),
                            [request](const auto& other) { return other.get() == request; });
  sampler.requests.erase(found);
}

}  // namespace

void admit_waiting(spar_sampler& sampler) {
  sampler.running.reserve(static_cast<size_t>(sampler.desc.max_rows));
  while (sampler.running.size() < static_cast<size_t>(sampler.desc.max_rows)) {
    SamplerRequest* request = first_waiting(sampler);
    if (request == nullptr) return;
    Sequence sequence;
    sequence.request = request;
    sequence.sample = request->desc.first_sample + request->admitted;
    sequence.tokens.reserve(static_cast<size_t>(request->desc.max_new_tokens));
    sequence.logps.reserve(static_cast<size_t>(request->desc.max_new_tokens));
    if (!take_runs(sampler, *request, &sequence.first_slot)) return;
    request->admitted++;
    request->live++;
    sampler.running.push_back(std::move(sequence));
  }
}

void finish_sequence(spar_sampler& sampler, size_t index, int32_t finish) {
  Sequence& sequence = sampler.running[index];
  SamplerRequest* request = sequence.request;
  Finished& done = sampler.finished[{request->order, sequence.sample}];
  done.id = request->desc.id;
  done.sample = sequence.sample;
  done.finish = finish;
  done.tokens = std::move(sequence.tokens);
  done.logps = std::move(sequence.logps);
  sampler.pool.give(sequence.first_slot, request->desc.max_new_tokens);
  sampler.running.erase(sampler.running.begin() + static_cast<int64_t>(index));
  request->live--;
  if (request->live == 0 && request->admitted == request->desc.num_samples) end_request(sampler, request);
}

int32_t waiting_sequences(const spar_sampler& sampler) {
  int64_t waiting = 0;
  for (const auto& request : sampler.requests) waiting += request->desc.num_samples - request->admitted;
  return static_cast<int32_t>(std::min<int64_t>(waiting, INT32_MAX));
}

}  // namespace spar
