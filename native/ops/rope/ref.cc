// rope, the reference: see rope/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/rope/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void rope_forward(const Exec& exec, const RopeForward& a) { plain::rope_forward<double>(exec, a); }
void rope_backward(const Exec& exec, const RopeBackward& a) { plain::rope_backward<double>(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
