// The grad_norm op for one kernel family: see op.h. A block is cut into four runs of equal length
// and a rest; lane i of a run sums the squares of its elements i, i + kLanes, i + 2 kLanes ...; lanes join in a tree.
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

// Four runs at a time: memory gives more to several streams than to one.
double block_sum(const float* g, int64_t count) {
  constexpr int kRuns = 4;
  const int64_t run = count / (kRuns * 2 * kDoubles) * (2 * kDoubles);
  vd s[kRuns][2] = {};
  for (int64_t i = 0; i < run; i += 2 * kDoubles)
#pragma GCC unroll 8
    for (int k = 0; k < kRuns; k++) {
      fetch(g, k * run + i + kAhead);
      const vd x = widen(g + k * run + i), y = widen(g + k * run + i + kDoubles);
      s[k][0] += x * x;
      s[k][1] += y * y;
    }
  double rest = 0;
  for (int64_t i = kRuns * run; i < count; i++) rest += double{g[i]} * g[i];
  double lane[kDoubles];
  const vd all = ((s[0][0] + s[0][1]) + (s[1][0] + s[1][1])) + ((s[2][0] + s[2][1]) + (s[3][0] + s[3][1]));
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
