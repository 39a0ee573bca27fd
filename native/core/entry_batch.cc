#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "core/batch.h"

using namespace spar;

void spar::lower_into(spar_batch& batch, const spar_model_spec& spec, const Weights& weights, Arena& arena) {
  batch.arrays = take_arrays(arena, batch.desc);
  batch.programs = lower_batch(spec, weights, batch.desc, batch.arrays, batch.view, arena);
}

namespace {

int32_t open_batch(spar_model& model, const spar_batch_desc& desc, spar_batch** out) {
  if (int32_t status = validate_batch_desc(model.context->error, model.desc, desc)) return status;
  auto batch = std::make_unique<spar_batch>();
  batch->model = &model;
  batch->desc = desc;
  batch->covered.resize(static_cast<size_t>(desc.max_rows));
  Arena measure(nullptr);
  lower_into(*batch, model.spec, model.weights, measure);
  if (int32_t status = batch->memory.open(model.context, measure.bytes(), "a batch")) return status;
  Arena arena(batch->memory.data());
  lower_into(*batch, model.spec, model.weights, arena);
  model.batches++;
  *out = batch.release();
  return SPAR_OK;
}

// Copies what the programs read, so that the host's arrays are free again after the call.
void fill_view(spar_batch& batch, const spar_forward_desc& desc) {
  const BatchArrays& a = batch.arrays;
  std::copy_n(a.token, desc.num_rows, a.view_token);
  std::copy_n(a.position, desc.num_rows, a.view_position);
  std::copy_n(a.segment, desc.num_segments, a.view_segment);
  int32_t t = 0;
  for (int32_t m = 0; m < desc.num_rows; m++) {
    if (a.target[m] < 0) continue;
    a.target_row[t] = m;
    a.target_id[t++] = a.target[m];
  }
  batch.view = {desc.num_rows,  desc.num_segments, t,           a.view_token, a.view_position,
                a.view_segment, a.target_row,      a.target_id, a.target_coef};
}

int32_t check_results(const spar_batch& batch, bool entropy) {
  const BatchArrays& a = batch.arrays;
  for (int32_t t = 0; t < batch.view.targets; t++) {
    const char* what = !std::isfinite(a.target_logp[t])                 ? "log-prob"
                       : entropy && !std::isfinite(a.target_entropy[t]) ? "entropy"
                                                                        : nullptr;
    if (what != nullptr)
      return batch.model->context->error.set(SPAR_E_NONFINITE,
                                             "the %s of row %d (target %d) is not finite; the activations overflowed",
                                             what, a.target_row[t], a.target_id[t]);
  }
  return SPAR_OK;
}

void write_results(const spar_batch& batch, bool entropy) {
  const BatchArrays& a = batch.arrays;
  std::fill_n(a.logp, batch.view.rows, 0.0f);
  if (entropy) std::fill_n(a.entropy, batch.view.rows, 0.0f);
  for (int32_t t = 0; t < batch.view.targets; t++) {
    a.logp[a.target_row[t]] = a.target_logp[t];
    if (entropy) a.entropy[a.target_row[t]] = a.target_entropy[t];
  }
}

int32_t run_forward(spar_batch& batch, const spar_forward_desc& desc) {
  spar_model& model = *batch.model;
  if (!model.prepared)
    return model.context->error.set(SPAR_E_STATE, "the weights are not prepared; call spar_model_prepare first");
  int32_t targets = 0;
  if (int32_t status = validate_batch(batch, desc, &targets)) return status;
  const bool entropy = desc.want_entropy != 0;
  batch.forwarded = false;
  begin_work(*model.context);
  fill_view(batch, desc);
  if (targets > 0) {
    auto& head = std::get<HeadForward>(batch.programs.forward[batch.programs.head].args);
    head.entropy = entropy ? batch.arrays.target_entropy : nullptr;
    if (int32_t status = run_program(*model.context, model.exec, batch.programs.forward)) return status;
    if (int32_t status = check_results(batch, entropy)) return status;
  }
  write_results(batch, entropy);
  batch.forwarded = batch.desc.train != 0;
  batch.generation = model.generation;
  return SPAR_OK;
}

int32_t check_backward(const spar_batch& batch) {
  ErrorText& error = batch.model->context->error;
  if (batch.desc.train == 0) return error.set(SPAR_E_STATE, "the batch was opened with train = 0");
  if (!batch.forwarded) return error.set(SPAR_E_STATE, "no spar_forward since the last backward or failure");
  if (batch.generation != batch.model->generation)
    return error.set(SPAR_E_STATE, "the weights changed since spar_forward; run it again");
  for (int32_t t = 0; t < batch.view.targets; t++) {
    int32_t row = batch.arrays.target_row[t];
    if (std::isfinite(batch.arrays.coef[row])) continue;
    return error.set(SPAR_E_NONFINITE, "coef of row %d is %g", row, static_cast<double>(batch.arrays.coef[row]));
  }
  return SPAR_OK;
}

int32_t run_backward(spar_batch& batch) {
  if (int32_t status = check_backward(batch)) return status;
  spar_model& model = *batch.model;
  batch.forwarded = false;
  begin_work(*model.context);
  if (batch.view.targets == 0) return SPAR_OK;
  for (int32_t t = 0; t < batch.view.targets; t++)
    batch.arrays.target_coef[t] = batch.arrays.coef[batch.arrays.target_row[t]];
  return run_program(*model.context, model.exec, batch.programs.backward);
}

int32_t write_program(const spar_batch& batch, int32_t which, char* text, int64_t capacity, int64_t* needed) {
  ErrorText& error = batch.model->context->error;
  if (which != 0 && which != 1) return error.set(SPAR_E_INVALID, "which is %d; it must be 0 or 1", which);
  if (needed == nullptr || capacity < 0 || (text == nullptr && capacity > 0))
    return error.set(SPAR_E_INVALID, "needed and text must not be NULL, capacity not negative");
  const spar_model& model = *batch.model;
  std::vector<Region> regions{{"arena", batch.memory.data(), batch.memory.bytes()},
                              {"weights", model.masters.data(), model.masters.bytes()},
                              {"gradients", model.grads.data(), model.grads.bytes()}};
  const Program& program = which == 0 ? batch.programs.forward : batch.programs.backward;
  std::string all = std::string(which == 0 ? "forward" : "backward") + ": " + std::to_string(program.size()) +
                    " ops, arena of " + std::to_string(batch.memory.bytes()) + " bytes\n" +
                    program_text(program, regions);
  *needed = static_cast<int64_t>(all.size()) + 1;
  if (capacity == 0) return SPAR_OK;
  size_t n = std::min(all.size(), static_cast<size_t>(capacity) - 1);
  std::memcpy(text, all.data(), n);
  text[n] = '\0';
  return SPAR_OK;
}

}  // namespace

extern "C" {

int32_t spar_batch_open(spar_model* model, const spar_batch_desc* desc, spar_batch** out) {
  if (model == nullptr) return SPAR_E_INVALID;
  ErrorText& error = model->context->error;
  return guarded(error, "spar_batch_open", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_batch_desc", desc, sizeof *desc)) return status;
    if (out == nullptr) return error.set(SPAR_E_INVALID, "out is NULL");
    return open_batch(*model, *desc, out);
  });
}

int32_t spar_batch_close(spar_batch* batch) {
  if (batch == nullptr) return SPAR_E_INVALID;
  batch->model->batches--;
  delete batch;
  return SPAR_OK;
}

int32_t spar_batch_pointers(spar_batch* batch, spar_batch_arrays* out) {
  if (batch == nullptr) return SPAR_E_INVALID;
  ErrorText& error = batch->model->context->error;
  return guarded(error, "spar_batch_pointers", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_batch_arrays", out, sizeof *out)) return status;
    const BatchArrays& a = batch->arrays;
    *out = {sizeof *out, a.token, a.position, a.target, a.coef, a.logp, a.entropy, a.segment};
    return SPAR_OK;
  });
}

int32_t spar_forward(spar_batch* batch, const spar_forward_desc* desc) {
  if (batch == nullptr) return SPAR_E_INVALID;
  ErrorText& error = batch->model->context->error;
  return guarded(error, "spar_forward", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_forward_desc", desc, sizeof *desc)) return status;
    return run_forward(*batch, *desc);
  });
}

int32_t spar_backward(spar_batch* batch) {
  if (batch == nullptr) return SPAR_E_INVALID;
  return guarded(batch->model->context->error, "spar_backward", [&] { return run_backward(*batch); });
}

int32_t spar_batch_program(spar_batch* batch, int32_t which, char* text, int64_t capacity, int64_t* needed) {
  if (batch == nullptr) return SPAR_E_INVALID;
  return guarded(batch->model->context->error, "spar_batch_program",
                 [&] { return write_program(*batch, which, text, capacity, needed); });
}

}  // extern "C"
