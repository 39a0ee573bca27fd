// linear, the reference: see linear/plain.h. The packed copies are W as products see it, in fp32.
#include <cstdint>
#include <initializer_list>

#include "backends/cpu/kernels.h"
#include "ops/linear/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

int64_t linear_packed_bytes(int64_t n, int64_t k, int32_t, int32_t) { return n * k * 4; }

void linear_pack_rows(const PackedWeight& w, int32_t precision, int64_t n0, int64_t n1) {
  for (void* panel : {w.forward, w.backward}) {
    float* out = static_cast<float*>(panel);
    for (int64_t i = n0 * w.k; out && i < n1 * w.k; i++) out[i] = plain::operand(w.master[i], precision);
  }
}

void linear_prepare(const Exec& exec, const LinearPrepare& a) {
  linear_pack_rows(a.weight, exec.precision, 0, a.weight.n);
}

// Products read the packed copy, so that they see the weights of the last prepare.
static PackedWeight prepared(const PackedWeight& w, const void* panel) {
  PackedWeight p = w;
  p.master = static_cast<const float*>(panel);
  return p;
}

void linear_forward(const Exec& exec, const LinearForward& a) {
  LinearForward b = a;
  b.weight = prepared(a.weight, a.weight.forward);
  plain::linear_forward<double>(exec, b);
}

void linear_gated(const Exec& exec, const LinearGated& a) {
  linear_forward(exec, {a.rows, a.x, a.weight, nullptr, a.gate_up});
  act_forward(exec, {a.rows, a.gate_up, a.h, a.weight.n / 2});
}

void linear_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  LinearBackwardInput b = a;
  b.weight = prepared(a.weight, a.weight.backward);
  plain::linear_backward_input<double>(exec, b);
}

void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  plain::linear_backward_weight<double>(exec, a);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
