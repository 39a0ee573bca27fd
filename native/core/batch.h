// The batch handle.
#pragma once
#include "core/batch_program.h"
#include "core/model.h"

struct spar_batch {
  spar_model* model = nullptr;
  spar_batch_desc desc{};
  spar::Memory memory;
  spar::BatchArrays arrays{};
  spar::BatchView view{};  // the programs' calls read rows and ids through it
  spar::BatchPrograms programs;
  std::vector<uint8_t> covered;  // scratch of validation [max_rows]
  bool forwarded = false;        // activations of a forward wait for a backward
  int64_t generation = 0;        // of the weights that forward used
};

namespace spar {

// INVALID with a text that names the field, its value and what is allowed.
int32_t validate_batch_desc(ErrorText& error, const spar_model_desc& model, const spar_batch_desc& desc);

// Checks every input of a forward: ids, positions, segments, number of targets. Nothing is written
// but batch.covered; *targets gets the number of rows with a target.
int32_t validate_batch(spar_batch& batch, const spar_forward_desc& desc, int32_t* targets);

// Lays out arrays and programs. With arena base NULL only arena.bytes() is of use.
void lower_into(spar_batch& batch, const spar_model_spec& spec, const Weights& weights, Arena& arena);

}  // namespace spar
