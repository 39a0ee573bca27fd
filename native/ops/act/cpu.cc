// The act op for one kernel family: see op.h.
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"
#include "ops/act/sigmoid.h"

namespace spar {
namespace SPAR_ISA_NS {

void act_forward(const Exec& exec, const ActForward& args) {
  const ActForward a = args;
  parallel_rows(exec, *a.rows, a.f, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) {
      const float* gate = a.gate_up + m * 2 * a.f;
      const float* up = gate + a.f;
      float* h = a.h + m * a.f;
      each_vector(a.f, [=](int64_t i, int n) {
        const vf g = load_part(gate + i, n);
        store_part(h + i, g * sigmoid(g) * load_part(up + i, n), n);
      });
    }
  });
}

void act_backward(const Exec& exec, const ActBackward& args) {
  const ActBackward a = args;
  parallel_rows(exec, *a.rows, a.f, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) {
      const float *gate = a.gate_up + m * 2 * a.f, *up = gate + a.f;
      float *d_gate = a.d_gate_up + m * 2 * a.f, *d_up = d_gate + a.f, *dh = a.dh + m * a.f;
      each_vector(a.f, [=](int64_t i, int n) {
        const vf g = load_part(gate + i, n), u = load_part(up + i, n), d = load_part(dh + i, n);
        const vf s = sigmoid(g), silu = g * s;
        store_part(dh + i, silu * u, n);
        store_part(d_gate + i, d * u * fma(silu, splat(1.0f) - s, s), n);
        store_part(d_up + i, d * silu, n);
      });
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
