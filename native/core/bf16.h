// bfloat16 as the upper half of a float, rounded to nearest even; denormals become zero of their
// sign, since the instructions that multiply bf16 (TDPBF16PS, VDPBF16PS) take them as zero and
// VCVTNEPS2BF16 makes them so, and every family shall have the same operands. Always inlined: files of every
// kernel family include this, and none may lend its code to another.
#pragma once
#include <cstdint>
#include <cstring>

namespace spar {

static inline __attribute__((always_inline, unused)) uint16_t to_bf16(float x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  const bool nan = (u & 0x7fffffffu) > 0x7f800000u;  // stays NaN
  if ((u & 0x7f800000u) == 0) u &= 0x80000000u;
  const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>(nan ? (u >> 16) | 0x40u : rounded);
}

static inline __attribute__((always_inline, unused)) float from_bf16(uint16_t h) {
  const uint32_t u = static_cast<uint32_t>(h) << 16;
  float x;
  std::memcpy(&x, &u, 4);
  return x;
}

}  // namespace spar
