// The embed op: see op.h.
#include <cstring>

#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

// The nearest bfloat16, ties to even. Weights are finite, so NaN needs no care.
float round_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits += 0x7fff + (bits >> 16 & 1);
  bits &= 0xffff0000u;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

}  // namespace

void embed_forward(const Exec& exec, const EmbedForward& a) {
  for (int64_t m = 0; m < *a.rows; m++)
    for (int64_t c = 0; c < a.c; c++) {
      const float e = a.table[a.token[m] * a.c + c];
      a.x[m * a.c + c] = exec.precision == SPAR_BF16 ? round_bf16(e) : e;
    }
}

void embed_backward(const Exec&, const EmbedBackward& a) {
  for (int64_t m = 0; m < *a.rows; m++)
    for (int64_t c = 0; c < a.c; c++) a.dtable[a.token[m] * a.c + c] += a.dx[m * a.c + c];
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
