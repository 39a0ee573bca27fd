// act, the reference: see act/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/act/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void act_forward(const Exec& exec, const ActForward& a) { plain::act_forward<double>(exec, a); }
void act_backward(const Exec& exec, const ActBackward& a) { plain::act_backward<double>(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
