// The residual op for one kernel family: see op.h.
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {

void residual(const Exec& exec, const Residual& args) {
  const Residual a = args;
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    const int64_t begin = first * a.c;
    each_vector(last * a.c - begin, [=](int64_t i, int n) {
      store_part(a.out + begin + i, load_part(a.a + begin + i, n) + load_part(a.b + begin + i, n), n);
    });
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
