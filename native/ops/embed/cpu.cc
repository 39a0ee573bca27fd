// The embed op for one kernel family: see op.h.
#include "backends/cpu/bf16_vec.h"
#include "backends/cpu/integers.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

constexpr int64_t kColumns = 128;  // of a unit of the backward pass

}  // namespace

void embed_forward(const Exec& exec, const EmbedForward& args) {
  const EmbedForward a = args;
  parallel_rows(exec, *a.rows, a.c, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) {
      const float *row = a.table + a.token[m] * a.c, *next = a.table + a.token[at_most(m + 1, last - 1)] * a.c;
      float* x = a.x + m * a.c;
      if (exec.precision == SPAR_BF16)
        copy_row(row, next, a.c, x, [](vf x) { return round_bf16(x); });
      else
        copy_row(row, next, a.c, x, [](vf x) { return x; });
    }
  });
}

// Units are blocks of columns, because a token may occur in many rows, which must add in order.
void embed_backward(const Exec& exec, const EmbedBackward& args) {
  const EmbedBackward a = args;
  const int64_t rows = *a.rows;
  exec.backend->threads.parallel((a.c + kColumns - 1) / kColumns, [&](int64_t unit, int32_t) {
    const int64_t begin = unit * kColumns, end = begin + kColumns < a.c ? begin + kColumns : a.c;
    for (int64_t m = 0; m < rows; m++) {
      const float* dx = a.dx + m * a.c;
      float* dtable = a.dtable + a.token[m] * a.c;
      each_vector(end - begin, [=](int64_t i, int n) {
        const int64_t c = begin + i;
        store_part(dtable + c, load_part(dtable + c, n) + load_part(dx + c, n), n);
      });
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
