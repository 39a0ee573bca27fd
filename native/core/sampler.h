// The sampler handle: continuous batching over a pool of keys and values.
//
// A request is one shared prefix (its prompt without the last token) and num_samples sequences,
// each starting with the prompt's last token: the shape of a training group, so that the bits are
// those of spar_forward. A sequence holds one run of pool tokens, as long as it may grow; the
// prefix's run is held until the last sequence of the request has ended. Sequences are admitted in
// the order of requests. The first of a request takes its run together with the prefix's: whatever
// the layout of the pool, the later ones fit where it lay, so the queue always moves on.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "core/first_fit.h"
#include "core/model.h"
#include "core/sampler_program.h"

namespace spar {

struct SamplerRequest {
  int64_t order = 0;    // of spar_sampler_add
  spar_request desc{};  // prompt and stop_ids are NULL: they are below
  std::vector<int32_t> prompt, stop_ids;
  int32_t admitted = 0;     // samples that got their run so far
  int32_t live = 0;         // of these running
  KvSpan prefix{0, 0};      // its run
  int64_t prefix_done = 0;  // tokens of it computed

  int64_t prefix_tokens() const { return desc.num_prompt - 1; }
  bool prefix_ready() const { return prefix_done == prefix_tokens(); }
};

// A sequence being decoded.
struct Sequence {
  SamplerRequest* request = nullptr;
  int32_t sample = 0;
  int64_t first_slot = 0;  // of its run of max_new_tokens
  std::vector<int32_t> tokens;
  std::vector<float> logps;
};

// Prompt tokens of one request that a step computes.
struct Prefill {
  SamplerRequest* request;
  int64_t tokens;
};

// What one step is made of; the vectors keep their memory from step to step.
struct Step {
  std::vector<size_t> drawing;  // indices of running, in the order of their rows
  std::vector<Prefill> prefills;
  std::vector<int32_t> tokens;  // drawn, in the order of `drawing`
  std::vector<float> logps;
};

struct Finished {
  int64_t id = 0;
  int32_t sample = 0, finish = SPAR_FINISH_NONE;
  std::vector<int32_t> tokens;
  std::vector<float> logps;
};

}  // namespace spar

struct spar_sampler {
  spar_model* model = nullptr;
  spar_sampler_desc desc{};
  spar::Memory memory;
  spar::SamplerArrays arrays{};
  spar::DecodeView view{};
  int32_t draw_rows = 0;
  spar::SamplerPrograms programs;
  spar::FirstFit pool{0};
  spar::Step step;

  int64_t next_order = 0;
  int64_t generation = 0;  // of the weights that the pool's contents were computed with
  std::deque<std::unique_ptr<spar::SamplerRequest>> requests;      // with samples waiting or running
  std::vector<spar::Sequence> running;                             // in order of admission
  std::map<std::pair<int64_t, int32_t>, spar::Finished> finished;  // by (order, sample)
  spar::Finished taken;                                            // what the last take handed out
};

namespace spar {

int32_t validate_sampler_desc(ErrorText& error, const spar_model_spec& spec, const spar_sampler_desc& desc);
// Ranges, ids, and that the request can ever fit into pool and positions.
int32_t validate_request(const spar_sampler& sampler, const spar_request& request);

// Lays out arrays and programs. With arena base NULL only arena.bytes() is of use.
void lower_into(spar_sampler& sampler, const spar_model_spec& spec, const Weights& weights, int32_t precision,
                Arena& arena);

// Gives pool runs to waiting sequences, in order, while there is room.
void admit_waiting(spar_sampler& sampler);
// Moves running[index] to finished and frees its run, and the prefix's after the last.
void finish_sequence(spar_sampler& sampler, size_t index, int32_t finish);
int32_t waiting_sequences(const spar_sampler& sampler);

// One step: computes the rows at hand, draws a token for each ready sequence. On failure nothing
// is committed and the step can be run again.
int32_t run_step(spar_sampler& sampler, spar_progress& progress);

}  // namespace spar
