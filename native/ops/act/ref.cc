// The act op in double: see op.h.
#include <cmath>

#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {

void act_forward(const Exec&, const ActForward& a) {
  for (int64_t m = 0; m < *a.rows; m++) {
    const float* gate = a.gate_up + m * 2 * a.f;
    const float* up = gate + a.f;
    for (int64_t f = 0; f < a.f; f++) {
      const double g = gate[f], u = up[f];
      a.h[m * a.f + f] = static_cast<float>(g / (1.0 + std::exp(-g)) * u);
    }
  }
}

void act_backward(const Exec&, const ActBackward& a) {
  for (int64_t m = 0; m < *a.rows; m++) {
    for (int64_t f = 0; f < a.f; f++) {
      const double g = a.gate_up[m * 2 * a.f + f], u = a.gate_up[m * 2 * a.f + a.f + f];
      const double dh = a.dh[m * a.f + f];
      const double s = 1.0 / (1.0 + std::exp(-g));
      a.d_gate_up[m * 2 * a.f + f] = static_cast<float>(dh * u * (s + g * s * (1.0 - s)));
      a.d_gate_up[m * 2 * a.f + a.f + f] = static_cast<float>(dh * g * s);
    }
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
