// attention, the reference: see attention/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/attention/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void attention_forward(const Exec& exec, const AttentionForward& a) { plain::attention_forward<double>(exec, a); }
void attention_backward(const Exec& exec, const AttentionBackward& a) { plain::attention_backward<double>(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
