// The grad_norm op: see op.h.
#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {

void grad_norm(const Exec&, const GradNorm& a) {
  double sum = 0;
  for (int64_t i = 0; i < a.count; i++) sum += double{a.grad[i]} * a.grad[i];
  *a.sum = sum;
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
