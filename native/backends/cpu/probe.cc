// The peak probes of one kernel family.
#include "backends/cpu/probe.h"

#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

// Enough independent chains to cover the latency of two multiply-add units.
constexpr int kChains = 10;

float probe_multiply_add(int64_t rounds, double* flops) {
  vf chain[kChains];
  for (int i = 0; i < kChains; i++) chain[i] = splat(1.0f + static_cast<float>(i));
  const vf factor = splat(0.999f), term = splat(0.001f);
  for (int64_t r = 0; r < rounds; r++)
    for (int i = 0; i < kChains; i++) chain[i] = fma(chain[i], factor, term);
  vf all = chain[0];
  for (int i = 1; i < kChains; i++) all = all + chain[i];
  *flops = 2.0 * kChains * kLanes;
  return sum(all);
}

float probe_read(const float* memory, int64_t count) {
  constexpr int kStreams = 8;
  vf sums[kStreams];
  for (int i = 0; i < kStreams; i++) sums[i] = splat(0.0f);
  for (int64_t at = 0; at < count; at += kStreams * kLanes)
    for (int i = 0; i < kStreams; i++) sums[i] = sums[i] + load(memory + at + i * kLanes);
  vf all = sums[0];
  for (int i = 1; i < kStreams; i++) all = all + sums[i];
  return sum(all);
}

}  // namespace

extern const ProbeLoops probe_loops;
const ProbeLoops probe_loops = {probe_multiply_add, probe_read};

}  // namespace SPAR_ISA_NS
}  // namespace spar
