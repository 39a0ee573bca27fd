// The kv_write op for one kernel family: see op.h.
#include <cstring>

#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {

void kv_write(const Exec& exec, const KvWrite& a) {
  const int64_t width = int64_t{a.kv_heads} * a.head_dim, queries = int64_t{a.heads} * a.head_dim;
  const size_t bytes = static_cast<size_t>(width) * 4;
  parallel_rows(exec, a.decode->rows, 2 * width, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) {
      const float* key = a.qkv + m * (queries + 2 * width) + queries;
      std::memcpy(a.keys + a.decode->slot[m] * width, key, bytes);
      std::memcpy(a.values + a.decode->slot[m] * width, key + width, bytes);
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
