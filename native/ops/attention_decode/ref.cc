// attention_decode, the reference: see attention_decode/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/attention_decode/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void attention_decode(const Exec& exec, const AttentionDecode& a) { plain::attention_decode<double>(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
