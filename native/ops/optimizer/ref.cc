// optimizer, the reference: see optimizer/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/optimizer/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void optimizer_update(const Exec& exec, const OptimizerUpdate& a) {
  plain::optimizer_update<double>(exec, a);
  if (a.weight.forward != nullptr) linear_pack_rows(a.weight, exec.precision, 0, a.weight.n);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
