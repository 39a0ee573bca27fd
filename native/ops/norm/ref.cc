// norm, the reference: see norm/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/norm/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void norm_forward(const Exec& exec, const NormForward& a) { plain::norm_forward<double>(exec, a); }
void norm_apply(const Exec& exec, const NormApply& a) { plain::norm_apply<double>(exec, a); }
void norm_backward(const Exec& exec, const NormBackward& a) { plain::norm_backward<double>(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
