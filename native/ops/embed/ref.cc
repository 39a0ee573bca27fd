// The embed op: see op.h.
#include "backends/cpu/kernels.h"
#include "core/bf16.h"

namespace spar {
namespace SPAR_ISA_NS {
void embed_forward(const Exec& exec, const EmbedForward& a) {
  for (int64_t m = 0; m < *a.rows; m++)
    for (int64_t c = 0; c < a.c; c++) {
      const float e = a.table[a.token[m] * a.c + c];
      a.x[m * a.c + c] = exec.precision == SPAR_BF16 ? from_bf16(to_bf16(e)) : e;
    }
}

void embed_backward(const Exec&, const EmbedBackward& a) {
  for (int64_t m = 0; m < *a.rows; m++)
    for (int64_t c = 0; c < a.c; c++) a.dtable[a.token[m] * a.c + c] += a.dx[m * a.c + c];
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
