#include <cmath>
#include <cstring>
#include <memory>

#include "core/model.h"

using namespace spar;

namespace {

int32_t open_memory(spar_model& model) {
  const int64_t vector_bytes = model.layout.parameters * static_cast<int64_t>(sizeof(float));
  Arena measure(nullptr);
  bind_weights(model.spec, model.desc, model.layout, *model.context->ops, nullptr, nullptr, measure);
  if (int32_t status = model.masters.open(model.context, vector_bytes, "weights")) return status;
  if (model.desc.trainable)
    if (int32_t status = model.grads.open(model.context, vector_bytes, "gradients")) return status;
  return model.packed.open(model.context, measure.bytes(), "packed weights");
}

int32_t open_model(spar_context& context, const spar_model_spec& spec, const spar_model_desc& desc, spar_model** out) {
  if (int32_t status = validate_spec(context.error, spec, desc)) return status;
  auto model = std::make_unique<spar_model>();
  model->context = &context;
  model->spec = spec;
  model->desc = desc;
  model->layout = layout_model(spec);
  model->exec = {context.backend, desc.precision};
  if (int32_t status = open_memory(*model)) return status;
  Arena packed(model->packed.data());
  model->weights = bind_weights(spec, desc, model->layout, *context.ops, masters_of(*model), grads_of(*model), packed);
  fill_rotary(spec, model->weights);
  model->packing = packing_program(model->weights);
  model->spec.rope_inv_freq = nullptr;
  context.models++;
  *out = model.release();
  return SPAR_OK;
}

int32_t close_model(spar_model* model) {
  spar_context& context = *model->context;
  if (model->batches + model->optimizers + model->samplers > 0)
    return context.error.set(SPAR_E_STATE, "%d batch(es), %d optimizer(s) and %d sampler(s) are open; close them first",
                             model->batches, model->optimizers, model->samplers);
  delete model;
  context.models--;
  return SPAR_OK;
}

int32_t describe_tensor(spar_model& model, int32_t index, spar_tensor* out) {
  const std::vector<TensorInfo>& tensors = model.layout.tensors;
  if (index < 0 || static_cast<size_t>(index) >= tensors.size())
    return model.context->error.set(SPAR_E_INVALID, "index is %d; the model has %zu tensors", index, tensors.size());
  const TensorInfo& info = tensors[static_cast<size_t>(index)];
  spar_tensor t{};
  t.size = sizeof t;
  std::strncpy(t.name, info.name.c_str(), sizeof t.name - 1);
  t.ndim = info.ndim;
  t.decay = info.decay;
  t.shape[0] = info.rows;
  t.shape[1] = info.columns;
  t.offset = info.offset;
  t.elements = info.rows * info.columns;
  t.data = masters_of(model) + info.offset;
  t.grad = model.desc.trainable ? grads_of(model) + info.offset : nullptr;
  *out = t;
  return SPAR_OK;
}

int32_t prepare_model(spar_model& model) {
  begin_work(*model.context);
  if (!std::isfinite(sum_of_squares(model, masters_of(model), "of weights")))
    return report_nonfinite(model, masters_of(model), "weight");
  return pack_weights(model);
}

int32_t zero_gradients(spar_model& model) {
  if (!model.desc.trainable)
    return model.context->error.set(SPAR_E_STATE, "the model has no gradients; open it with trainable = 1");
  backend_zero(model.context->backend, model.grads.data(), model.grads.bytes());
  return SPAR_OK;
}

}  // namespace

extern "C" {

int32_t spar_model_open(spar_context* context, const spar_model_spec* spec, const spar_model_desc* desc,
                        spar_model** out) {
  if (context == nullptr) return SPAR_E_INVALID;
  return guarded(context->error, "spar_model_open", [&]() -> int32_t {
    if (int32_t status = check_struct(context->error, "spar_model_spec", spec, sizeof *spec)) return status;
    if (int32_t status = check_struct(context->error, "spar_model_desc", desc, sizeof *desc)) return status;
    if (out == nullptr) return context->error.set(SPAR_E_INVALID, "out is NULL");
    return open_model(*context, *spec, *desc, out);
  });
}

int32_t spar_model_close(spar_model* model) {
  if (model == nullptr) return SPAR_E_INVALID;
  return guarded(model->context->error, "spar_model_close", [&] { return close_model(model); });
}

int32_t spar_model_tensor(spar_model* model, int32_t index, spar_tensor* out) {
  if (model == nullptr) return SPAR_E_INVALID;
  ErrorText& error = model->context->error;
  return guarded(error, "spar_model_tensor", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_tensor", out, sizeof *out)) return status;
    return describe_tensor(*model, index, out);
  });
}

int32_t spar_model_prepare(spar_model* model) {
  if (model == nullptr) return SPAR_E_INVALID;
  return guarded(model->context->error, "spar_model_prepare", [&] { return prepare_model(*model); });
}

int32_t spar_model_zero_grad(spar_model* model) {
  if (model == nullptr) return SPAR_E_INVALID;
  return guarded(model->context->error, "spar_model_zero_grad", [&] { return zero_gradients(*model); });
}

}  // extern "C"
