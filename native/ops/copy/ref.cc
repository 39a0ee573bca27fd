// The copy op: see op.h.
#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {

void gather(const Exec&, const Gather& a) {
  for (int64_t t = 0; t < *a.rows; t++)
    for (int64_t c = 0; c < a.c; c++) a.out[t * a.c + c] = a.x[a.index[t] * a.c + c];
}

void scatter(const Exec&, const Scatter& a) {
  for (int64_t i = 0; i < *a.out_rows * a.c; i++) a.out[i] = 0.0f;
  for (int64_t t = 0; t < *a.rows; t++)
    for (int64_t c = 0; c < a.c; c++) a.out[a.index[t] * a.c + c] = a.x[t * a.c + c];
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
