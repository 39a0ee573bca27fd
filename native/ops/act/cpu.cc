// The act op for one kernel family: see op.h.
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

SPAR_INLINE vf sigmoid(vf g) { return splat(1.0f) / (splat(1.0f) + exp(-g)); }
SPAR_INLINE vf swiglu(vf g, vf u) { return g / (splat(1.0f) + exp(-g)) * u; }

struct GateUp {
  vf gate, up;
};

SPAR_INLINE GateUp swiglu_back(vf dh, vf g, vf u) {
  const vf s = sigmoid(g), silu = g * s;
  return {dh * u * (s + silu * (splat(1.0f) - s)), dh * silu};
}

}  // namespace

void act_forward(const Exec& exec, const ActForward& args) {
  const ActForward a = args;
  parallel_rows(exec, *a.rows, a.f, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) {
      const float* gate = a.gate_up + m * 2 * a.f;
      const float* up = gate + a.f;
      float* h = a.h + m * a.f;
      each_vector(
          a.f, [=](int64_t i, int n) { store_part(h + i, swiglu(load_part(gate + i, n), load_part(up + i, n)), n); });
    }
  });
}

void act_backward(const Exec& exec, const ActBackward& args) {
  const ActBackward a = args;
  parallel_rows(exec, *a.rows, a.f, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) {
      const float *gate = a.gate_up + m * 2 * a.f, *up = gate + a.f, *dh = a.dh + m * a.f;
      float *d_gate = a.d_gate_up + m * 2 * a.f, *d_up = d_gate + a.f;
      each_vector(a.f, [=](int64_t i, int n) {
        const GateUp d = swiglu_back(load_part(dh + i, n), load_part(gate + i, n), load_part(up + i, n));
        store_part(d_gate + i, d.gate, n);
        store_part(d_up + i, d.up, n);
      });
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
