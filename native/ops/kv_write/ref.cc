// The kv_write op: see op.h.
#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {

void kv_write(const Exec&, const KvWrite& a) {
  const int64_t D = a.head_dim, width = a.kv_heads * D, stride = a.heads * D + 2 * width;
  for (int64_t m = 0; m < a.decode->rows; m++) {
    for (int64_t i = 0; i < width; i++) {
      a.keys[a.decode->slot[m] * width + i] = a.qkv[m * stride + a.heads * D + i];
      a.values[a.decode->slot[m] * width + i] = a.qkv[m * stride + a.heads * D + width + i];
    }
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
