#include "core/batch.h"
#include "core/optimizer.h"
#include "core/sampler.h"

using namespace spar;

namespace {

// A model of which nothing is allocated: its weights are offsets from zero.
struct UnopenedModel {
  const spar_model_spec& spec;
  const spar_model_desc& desc;
  ModelLayout layout;
  Weights weights;
  int64_t packed_bytes;
};

UnopenedModel measure_model(const spar_model_spec& spec, const spar_model_desc& desc, const OpTable& ops) {
  UnopenedModel model{spec, desc, layout_model(spec), {}, 0};
  Arena packed(nullptr);
  model.weights = bind_weights(spec, desc, model.layout, ops, nullptr, nullptr, packed);
  model.packed_bytes = packed.bytes();
  return model;
}

int32_t measure_batch(ErrorText& error, const UnopenedModel& model, const spar_batch_desc* desc, int64_t* bytes) {
  if (desc == nullptr) return SPAR_OK;
  if (int32_t status = check_struct(error, "spar_batch_desc", desc, sizeof *desc)) return status;
  if (int32_t status = validate_batch_desc(error, model.desc, *desc)) return status;
  spar_batch batch;
  batch.desc = *desc;
  Arena arena(nullptr);
  lower_into(batch, model.spec, model.weights, arena);
  *bytes = arena.bytes();
  return SPAR_OK;
}

int32_t measure_sampler(ErrorText& error, const UnopenedModel& model, const spar_sampler_desc* desc, int64_t* bytes) {
  if (desc == nullptr) return SPAR_OK;
  if (int32_t status = check_struct(error, "spar_sampler_desc", desc, sizeof *desc)) return status;
  if (int32_t status = validate_sampler_desc(error, model.spec, *desc)) return status;
  spar_sampler sampler;
  sampler.desc = *desc;
  Arena arena(nullptr);
  lower_into(sampler, model.spec, model.weights, model.desc.precision, arena);
  *bytes = arena.bytes();
  return SPAR_OK;
}

int32_t check_kind(ErrorText& error, const spar_model_desc& model, int32_t kind) {
  if (kind == -1) return SPAR_OK;
  if (optimizer_vectors(kind) == 0) return error.set(SPAR_E_INVALID, "optimizer_kind is %d", kind);
  return model.trainable ? SPAR_OK : error.set(SPAR_E_STATE, "the model is not trainable");
}

int32_t plan_bytes(ErrorText& error, const OpTable& ops, const spar_model_spec& spec, const spar_model_desc& desc,
                   int32_t optimizer_kind, const spar_batch_desc* batch, const spar_sampler_desc* sampler,
                   spar_plan* out) {
  if (int32_t status = validate_spec(error, spec, desc)) return status;
  if (int32_t status = check_kind(error, desc, optimizer_kind)) return status;
  const UnopenedModel model = measure_model(spec, desc, ops);
  const int64_t vector_bytes = model.layout.parameters * static_cast<int64_t>(sizeof(float));
  spar_plan plan{};
  plan.size = sizeof plan;
  plan.parameters = model.layout.parameters;
  plan.weight_bytes = vector_bytes;
  plan.gradient_bytes = desc.trainable ? vector_bytes : 0;
  plan.packed_bytes = model.packed_bytes;
  plan.optimizer_bytes = optimizer_vectors(optimizer_kind) * vector_bytes;
  if (int32_t status = measure_batch(error, model, batch, &plan.batch_bytes)) return status;
  if (int32_t status = measure_sampler(error, model, sampler, &plan.sampler_bytes)) return status;
  *out = plan;
  return SPAR_OK;
}

}  // namespace

extern "C" int32_t spar_plan_bytes(const spar_plan_desc* desc, const spar_model_spec* spec,
                                   const spar_model_desc* model, const spar_batch_desc* batch,
                                   const spar_sampler_desc* sampler, spar_plan* out) {
  ErrorText error;  // lost: there is no handle to ask
  return guarded(error, "spar_plan_bytes", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_plan_desc", desc, sizeof *desc)) return status;
    if (int32_t status = check_struct(error, "spar_model_spec", spec, sizeof *spec)) return status;
    if (int32_t status = check_struct(error, "spar_model_desc", model, sizeof *model)) return status;
    if (int32_t status = check_struct(error, "spar_plan", out, sizeof *out)) return status;
    const OpTable* ops = backend_table(choose_isa(desc->isa));
    if (ops == nullptr) return error.set(SPAR_E_INVALID, "the family %d does not run here", desc->isa);
    return plan_bytes(error, *ops, *spec, *model, desc->optimizer_kind, batch, sampler, out);
  });
}
