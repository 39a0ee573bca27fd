// act/op.h as plain loops in the precision Real: double is the reference, float the yardstick that
// the kernels' errors are measured with.
#pragma once
#include <cmath>

#include "ops/act/op.h"

namespace spar {
namespace plain {

template <class Real>
void act_forward(const Exec&, const ActForward& a) {
  for (int64_t m = 0; m < *a.rows; m++) {
    const float* gate = a.gate_up + m * 2 * a.f;
    const float* up = gate + a.f;
    for (int64_t f = 0; f < a.f; f++) {
      const Real g = gate[f], u = up[f];
      a.h[m * a.f + f] = static_cast<float>(g / (Real(1) + std::exp(-g)) * u);
    }
  }
}

template <class Real>
void act_backward(const Exec&, const ActBackward& a) {
  for (int64_t m = 0; m < *a.rows; m++) {
    for (int64_t f = 0; f < a.f; f++) {
      const Real g = a.gate_up[m * 2 * a.f + f], u = a.gate_up[m * 2 * a.f + a.f + f];
      const Real dh = a.dh[m * a.f + f];
      const Real s = Real(1) / (Real(1) + std::exp(-g));
      a.dh[m * a.f + f] = static_cast<float>(g / (Real(1) + std::exp(-g)) * u);
      a.d_gate_up[m * 2 * a.f + f] = static_cast<float>(dh * u * (s + g * s * (Real(1) - s)));
      a.d_gate_up[m * 2 * a.f + a.f + f] = static_cast<float>(dh * g * s);
    }
  }
}

}  // namespace plain
}  // namespace spar
