// The residual op: see op.h.
#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {

void residual(const Exec&, const Residual& a) {
  for (int64_t i = 0; i < *a.rows * a.c; i++) a.out[i] = a.a[i] + a.b[i];
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
