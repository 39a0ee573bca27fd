#include <cmath>
#include <memory>
#include <utility>

#include "core/optimizer.h"

using namespace spar;

namespace {

// Above it the square of a gradient may leave fp32, and the second moment would stay infinite.
constexpr double kMaxGradient = 1.8e19;

bool unit_interval(double x) { return x >= 0 && x < 1; }

int32_t validate_desc(ErrorText& error, const spar_model& model, const spar_optimizer_desc& d) {
  if (!model.desc.trainable) return error.set(SPAR_E_STATE, "the model was opened with trainable = 0");
  if (optimizer_vectors(d.kind) == 0)
    return error.set(SPAR_E_INVALID, "kind is %d; it must be SPAR_OPTIM_ADAMW or SPAR_OPTIM_RMSPROP", d.kind);
  if (d.reserved != 0) return error.set(SPAR_E_INVALID, "reserved is %d; it must be 0", d.reserved);
  if (d.kind == SPAR_OPTIM_ADAMW && !unit_interval(d.beta1))
    return error.set(SPAR_E_INVALID, "beta1 is %g; it must be in [0, 1)", d.beta1);
  if (!unit_interval(d.beta2)) return error.set(SPAR_E_INVALID, "beta2 is %g; it must be in [0, 1)", d.beta2);
  if (!(std::isfinite(d.eps) && static_cast<float>(d.eps) > 0))
    return error.set(SPAR_E_INVALID, "eps is %g; it must be finite and above 0 in fp32", d.eps);
  if (!(std::isfinite(d.weight_decay) && d.weight_decay >= 0))
    return error.set(SPAR_E_INVALID, "weight_decay is %g; it must be finite and not negative", d.weight_decay);
  return SPAR_OK;
}

int32_t open_optimizer(spar_model& model, const spar_optimizer_desc& desc, spar_optimizer** out) {
  if (int32_t status = validate_desc(model.context->error, model, desc)) return status;
  auto optimizer = std::make_unique<spar_optimizer>();
  optimizer->model = &model;
  optimizer->desc = desc;
  const int64_t bytes = model.layout.parameters * static_cast<int64_t>(sizeof(float));
  if (int32_t status = optimizer->first.open(model.context, bytes, "optimizer state")) return status;
  if (optimizer_vectors(desc.kind) == 2)
    if (int32_t status = optimizer->second.open(model.context, bytes, "optimizer state")) return status;
  model.optimizers++;
  *out = optimizer.release();
  return SPAR_OK;
}

// torch.nn.utils.clip_grad_norm_: never enlarges.
double clip_scale(double max_norm, double norm) {
  if (max_norm == 0) return 1;
  double scale = max_norm / (norm + 1e-6);
  return scale < 1 ? scale : 1;
}

int32_t check_gradients(spar_optimizer& optimizer, double norm, double scale) {
  spar_model& model = *optimizer.model;
  if (!std::isfinite(norm)) return report_nonfinite(model, grads_of(model), "gradient");
  if (norm * scale < kMaxGradient) return SPAR_OK;
  return model.context->error.set(SPAR_E_NONFINITE, "the gradient norm %g is so large that squares overflow; clip it",
                                  norm * scale);
}

// The updates of one step.
struct StepLowering {
  const spar_optimizer& optimizer;
  double learning_rate, scale;
  Program program;

  // `count` parameters from `offset` on; `weight` is given for matrices that have packed copies.
  void update(int32_t layer, const char* part, int64_t offset, int64_t count, double decay,
              const PackedWeight& weight) {
    const spar_model& model = *optimizer.model;
    const spar_optimizer_desc& d = optimizer.desc;
    auto* first = static_cast<float*>(optimizer.first.data());
    auto* second = static_cast<float*>(optimizer.second.data());
    append(program, layer, part,
           OptimizerUpdate{d.kind, count, masters_of(model) + offset, grads_of(model) + offset, first + offset,
                           second == nullptr ? nullptr : second + offset, learning_rate, d.beta1, d.beta2, d.eps, decay,
                           scale, optimizer.step + 1, weight});
  }
  void matrix(int32_t layer, const char* part, const MatrixSlot& slot, const PackedWeight& weight) {
    update(layer, part, slot.offset, slot.n * slot.k, optimizer.desc.weight_decay, weight);
  }
};

// One update for each matrix, which decays and is packed; an embedding apart from the head has no copies. One for all
// norms and biases, which do not decay.
Program update_program(const spar_optimizer& optimizer, double learning_rate, double scale) {
  const spar_model& model = *optimizer.model;
  const ModelLayout& layout = model.layout;
  StepLowering l{optimizer, learning_rate, scale, {}};
  if (layout.head.offset != layout.embed.offset) l.matrix(-1, "of embeddings", layout.embed, {});
  for (size_t i = 0; i < layout.layers.size(); i++) {
    const LayerLayout& at = layout.layers[i];
    const LayerWeights& w = model.weights.layers[i];
    const auto layer = static_cast<int32_t>(i);
    l.matrix(layer, "of qkv", at.qkv, w.qkv.packed);
    l.matrix(layer, "of o", at.o, w.o.packed);
    l.matrix(layer, "of gate_up", at.gate_up, w.gate_up.packed);
    l.matrix(layer, "of down", at.down, w.down.packed);
  }
  l.matrix(-1, "of head", layout.head, model.weights.head.packed);
  l.update(-1, "of norms and biases", layout.matrices, layout.parameters - layout.matrices, 0, {});
  return std::move(l.program);
}

int32_t check_step(const spar_optimizer& optimizer, const spar_step_desc& desc) {
  ErrorText& error = optimizer.model->context->error;
  if (!(std::isfinite(desc.learning_rate) && desc.learning_rate >= 0))
    return error.set(SPAR_E_INVALID, "learning_rate is %g; it must be finite and not negative", desc.learning_rate);
  if (!(std::isfinite(desc.max_grad_norm) && desc.max_grad_norm >= 0))
    return error.set(SPAR_E_INVALID, "max_grad_norm is %g; it must be finite and not negative", desc.max_grad_norm);
  if (!optimizer.model->prepared)
    return error.set(SPAR_E_STATE, "the weights are not prepared; call spar_model_prepare first");
  return SPAR_OK;
}

int32_t take_step(spar_optimizer& optimizer, const spar_step_desc& desc, spar_step_result* out) {
  if (int32_t status = check_step(optimizer, desc)) return status;
  spar_model& model = *optimizer.model;
  begin_work(*model.context);
  const double norm = std::sqrt(sum_of_squares(model, grads_of(model), "of gradients"));
  const double scale = clip_scale(desc.max_grad_norm, norm);
  if (int32_t status = check_gradients(optimizer, norm, scale)) {
    *out = {sizeof *out, norm, optimizer.step};
    return status;
  }
  if (cancelled(*model.context)) return model.context->error.set(SPAR_E_CANCELLED, "cancelled before the update");
  // From here on the step is done whole: a half-updated model would be of no use.
  const Program update = update_program(optimizer, desc.learning_rate, scale);
  model.generation++;
  for (const OpCall& call : update) run_call(*model.context, model.exec, call);
  clear_breadcrumb(*model.context);
  optimizer.step++;
  *out = {sizeof *out, norm, optimizer.step};
  return SPAR_OK;
}

}  // namespace

extern "C" {

int32_t spar_optimizer_open(spar_model* model, const spar_optimizer_desc* desc, spar_optimizer** out) {
  if (model == nullptr) return SPAR_E_INVALID;
  ErrorText& error = model->context->error;
  return guarded(error, "spar_optimizer_open", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_optimizer_desc", desc, sizeof *desc)) return status;
    if (out == nullptr) return error.set(SPAR_E_INVALID, "out is NULL");
    return open_optimizer(*model, *desc, out);
  });
}

int32_t spar_optimizer_close(spar_optimizer* optimizer) {
  if (optimizer == nullptr) return SPAR_E_INVALID;
  optimizer->model->optimizers--;
  delete optimizer;
  return SPAR_OK;
}

int32_t spar_optimizer_step(spar_optimizer* optimizer, const spar_step_desc* desc, spar_step_result* out) {
  if (optimizer == nullptr) return SPAR_E_INVALID;
  ErrorText& error = optimizer->model->context->error;
  return guarded(error, "spar_optimizer_step", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_step_desc", desc, sizeof *desc)) return status;
    if (int32_t status = check_struct(error, "spar_step_result", out, sizeof *out)) return status;
    return take_step(*optimizer, *desc, out);
  });
}

int32_t spar_optimizer_pointers(spar_optimizer* optimizer, spar_optimizer_state* out) {
  if (optimizer == nullptr) return SPAR_E_INVALID;
  ErrorText& error = optimizer->model->context->error;
  return guarded(error, "spar_optimizer_pointers", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_optimizer_state", out, sizeof *out)) return status;
    *out = {sizeof *out, optimizer->step, optimizer->model->layout.parameters,
            static_cast<float*>(optimizer->first.data()), static_cast<float*>(optimizer->second.data())};
    return SPAR_OK;
  });
}

int32_t spar_optimizer_resume(spar_optimizer* optimizer, int64_t step) {
  if (optimizer == nullptr) return SPAR_E_INVALID;
  ErrorText& error = optimizer->model->context->error;
  return guarded(error, "spar_optimizer_resume", [&]() -> int32_t {
    if (step < 0)
      return error.set(SPAR_E_INVALID, "step is %lld; it must not be negative", static_cast<long long>(step));
    optimizer->step = step;
    return SPAR_OK;
  });
}

}  // extern "C"
