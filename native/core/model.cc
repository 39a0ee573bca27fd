#include "core/model.h"

#include <cmath>

namespace spar {
Program packing_program(const Weights& weights) {
  Program program;
  for (size_t i = 0; i < weights.layers.size(); i++) {
    const LayerWeights& w = weights.layers[i];
    auto layer = static_cast<int32_t>(i);
    append(program, layer, "qkv", LinearPrepare{w.qkv.packed});
    append(program, layer, "o", LinearPrepare{w.o.packed});
    append(program, layer, "gate_up", LinearPrepare{w.gate_up.packed});
    append(program, layer, "down", LinearPrepare{w.down.packed});
  }
  append(program, -1, "head", LinearPrepare{weights.head.packed});
  return program;
}

bool cancelled(const spar_context& context) { return context.cancelled.load(std::memory_order_relaxed) != 0; }

double sum_of_squares(spar_model& model, const float* values, const char* what) {
  Program one;
  append(one, -1, what, GradNorm{values, model.layout.parameters, model.weights.partial, model.weights.sum});
  run_call(*model.context, model.exec, one[0]);
  clear_breadcrumb(*model.context);
  return *model.weights.sum;
}

int32_t report_nonfinite(spar_model& model, const float* values, const char* what) {
  for (const TensorInfo& t : model.layout.tensors)
    for (int64_t i = 0; i < t.rows * t.columns; i++) {
      float value = values[t.offset + i];
      if (std::isfinite(value)) continue;
      return model.context->error.set(SPAR_E_NONFINITE, "%s of %s at index %lld is %g", what, t.name.c_str(),
                                      static_cast<long long>(i), static_cast<double>(value));
    }
  return model.context->error.set(SPAR_E_NONFINITE, "%s: a padding float was overwritten or the sum overflowed", what);
}

int32_t pack_weights(spar_model& model) {
  model.prepared = false;
  model.generation++;
  if (int32_t status = run_program(*model.context, model.exec, model.packing)) return status;
  model.prepared = true;
  return SPAR_OK;
}

}  // namespace spar
