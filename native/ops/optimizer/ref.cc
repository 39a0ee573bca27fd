// optimizer, the reference: see optimizer/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/optimizer/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void optimizer_update(const Exec& exec, const OptimizerUpdate& a) { plain::optimizer_update<double>(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
