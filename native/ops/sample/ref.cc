// sample, the reference: see sample/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/sample/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void sample(const Exec& exec, const Sample& a) { plain::sample<double>(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
