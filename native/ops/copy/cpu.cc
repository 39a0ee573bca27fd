// The copy op for one kernel family: see op.h.
#include <cstring>

#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {

void gather(const Exec& exec, const Gather& a) {
  const size_t row_bytes = static_cast<size_t>(a.c) * 4;
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; t++) std::memcpy(a.out + t * a.c, a.x + a.index[t] * a.c, row_bytes);
  });
}

// Two passes: the second may write any row, so the zeros must all stand before it.
void scatter(const Exec& exec, const Scatter& a) {
  const size_t row_bytes = static_cast<size_t>(a.c) * 4;
  parallel_rows(exec, *a.out_rows, a.c, [&](int64_t first, int64_t last) {
    std::memset(a.out + first * a.c, 0, row_bytes * static_cast<size_t>(last - first));
  });
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; t++) std::memcpy(a.out + a.index[t] * a.c, a.x + t * a.c, row_bytes);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
