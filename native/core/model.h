// The model handle.
#pragma once
#include "core/memory.h"
#include "core/program.h"
#include "core/weights.h"

struct spar_model {
  spar_context* context = nullptr;
  spar_model_spec spec{};  // rope_inv_freq is NULL: it is in the tables
  spar_model_desc desc{};
  spar::ModelLayout layout;
  spar::Memory masters, grads, packed;
  spar::Weights weights;
  spar::Program packing;  // linear_prepare of every matrix
  spar::Exec exec{};
  bool prepared = false;
  int64_t generation = 0;  // counts changes of the packed weights
  int32_t batches = 0, optimizers = 0, samplers = 0;
};

namespace spar {

inline float* masters_of(const spar_model& model) { return static_cast<float*>(model.masters.data()); }
inline float* grads_of(const spar_model& model) { return static_cast<float*>(model.grads.data()); }

// Lets the op calls of a new entry point run: an earlier cancel is over.
inline void begin_work(spar_context& context) { context.cancelled.store(0, std::memory_order_relaxed); }
bool cancelled(const spar_context& context);

// sum of squares of P floats in double; not finite exactly when one of them is not.
double sum_of_squares(spar_model& model, const float* values, const char* what);
// The first value that is not finite: NONFINITE with a text that names tensor and index.
int32_t report_nonfinite(spar_model& model, const float* values, const char* what);
Program packing_program(const Weights& weights);
// Packs every matrix for computing. OK or CANCELLED.
int32_t pack_weights(spar_model& model);

}  // namespace spar
