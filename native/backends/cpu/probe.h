// Loops that run at the machine's limits, compiled once per kernel family.
#pragma once
#include <cstdint>

namespace spar {

struct ProbeLoops {
  // Multiply-adds `rounds` times on registers only; *flops gets the work of one round. The result
  // must be used, or the compiler drops the loop.
  float (*multiply_add)(int64_t rounds, double* flops);
  // The same with the unit that multiplies bf16: vdpbf16ps or tiles. NULL: the family widens bf16
  // and multiplies in fp32.
  float (*multiply_bf16)(int64_t rounds, double* flops);
  // Sum of count floats. Here and below count is a multiple of 256.
  float (*read)(const float* memory, int64_t count);
  // to = from, with stores that do not read the line first where the family has them.
  void (*copy)(const float* from, float* to, int64_t count);
  // Every float is read, changed a little and written back, as an optimizer does it.
  void (*update)(float* memory, int64_t count);
};

}  // namespace spar
