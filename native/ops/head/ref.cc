// head, the reference: see head/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/head/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

// The weights of the last prepare, which linear/ref.cc keeps as fp32 [V, C].
static PackedWeight prepared(const PackedWeight& w) {
  PackedWeight p = w;
  p.master = static_cast<const float*>(w.forward);
  return p;
}

void head_forward(const Exec& exec, const HeadForward& a) {
  HeadForward b = a;
  b.weight = prepared(a.weight);
  plain::head_forward<double>(exec, b);
}

void head_backward(const Exec& exec, const HeadBackward& a) {
  HeadBackward b = a;
  b.weight = prepared(a.weight);
  plain::head_backward<double>(exec, b);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
