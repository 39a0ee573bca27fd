// The grad_norm op for one kernel family: see op.h. Lane i of a block sums the squares of the
// elements i, i + 2 kLanes, i + 4 kLanes ...; the lanes join in a tree.
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

constexpr int kDoubles = kLanes / 2;
typedef double vd __attribute__((vector_size(kDoubles * 8)));
typedef float vh __attribute__((vector_size(kDoubles * 4)));

SPAR_INLINE vd widen(const float* p) {
  vh half;
  std::memcpy(&half, p, sizeof half);
  return __builtin_convertvector(half, vd);
}

double block_sum(const float* g, int64_t count) {
  vd s[4] = {};
  int64_t i = 0;
  for (; i + 4 * kDoubles <= count; i += 4 * kDoubles) {
    for (int k = 0; k < 4; k++) {
      const vd x = widen(g + i + k * kDoubles);
      s[k] += x * x;
    }
  }
  double rest = 0;
  for (; i < count; i++) rest += double{g[i]} * g[i];
  double lane[kDoubles];
  const vd all = (s[0] + s[1]) + (s[2] + s[3]);
  std::memcpy(lane, &all, sizeof lane);
  for (int width = kDoubles / 2; width > 0; width /= 2)
    for (int k = 0; k < width; k++) lane[k] += lane[k + width];
  return lane[0] + rest;
}

}  // namespace

void grad_norm(const Exec& exec, const GradNorm& args) {
  const GradNorm a = args;
  const int64_t blocks = (a.count + kGradBlock - 1) / kGradBlock;
  exec.backend->threads.parallel(blocks, [&](int64_t block, int32_t) {
    const int64_t first = block * kGradBlock, left = a.count - first;
    a.partial[block] = block_sum(a.grad + first, left < kGradBlock ? left : kGradBlock);
  });
  double sum = 0;
  for (int64_t block = 0; block < blocks; block++) sum += a.partial[block];
  *a.sum = sum;
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
