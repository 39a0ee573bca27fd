// Loops that run at the machine's limits, compiled once per kernel family.
#pragma once
#include <cstdint>

namespace spar {

struct ProbeLoops {
  // Multiply-adds `rounds` times on registers only; *flops gets the work of one round. The result
  // must be used, or the compiler drops the loop.
  float (*multiply_add)(int64_t rounds, double* flops);
  // Sum of count floats, count a multiple of 256.
  float (*read)(const float* memory, int64_t count);
};

}  // namespace spar
