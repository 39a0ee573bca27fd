// The copy op for one kernel family: see op.h.
#include "backends/cpu/integers.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {

void gather(const Exec& exec, const Gather& args) {
  const Gather a = args;
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; t++) {
      const float* next = a.x + a.index[at_most(t + 1, last - 1)] * a.c;
      copy_row(a.x + a.index[t] * a.c, next, a.c, a.out + t * a.c, [](vf x) { return x; });
    }
  });
}

namespace {

// The first t with index[t] >= row.
int64_t first_from(const int32_t* index, int64_t count, int64_t row) {
  int64_t t = 0;
  for (int64_t end = count; t < end;) {
    const int64_t middle = t + (end - t) / 2;
    index[middle] < row ? t = middle + 1 : end = middle;
  }
  return t;
}

}  // namespace

void scatter(const Exec& exec, const Scatter& args) {
  const Scatter a = args;
  parallel_rows(exec, *a.out_rows, a.c, [&](int64_t first, int64_t last) {
    int64_t t = first_from(a.index, *a.rows, first);
    for (int64_t m = first; m < last; m++) {
      float* out = a.out + m * a.c;
      if (t < *a.rows && a.index[t] == m) {
        const float* x = a.x + t++ * a.c;
        copy_row(x, x + a.c, a.c, out, [](vf v) { return v; });
      } else {
        each_vector(a.c, [=](int64_t c, int n) { store_part(out + c, splat(0), n); });
      }
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
