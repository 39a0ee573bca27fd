// Vectors of bf16 numbers held as the upper halves of 32-bit lanes, rounded as core/bf16.h does.
#pragma once
#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {

typedef uint32_t vu __attribute__((vector_size(kLanes * 4)));

// x rounded to bf16 (nearest even, denormals to zero, NaN stays NaN), still as fp32.
SPAR_INLINE vf round_bf16(vf x) {
  const vu u = (vu)x;
  const vu rounded = u + 0x7fff + ((u >> 16) & 1);
  const vu nan = u | 0x400000;
  const vu kept = (u & 0x7f800000u) != 0 ? vu{} + 0xffff0000u : vu{} + 0x80000000u;
  return (vf)((x == x ? rounded : nan) & kept);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
