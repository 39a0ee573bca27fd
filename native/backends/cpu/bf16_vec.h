// bfloat16 in vectors: rounding fp32 lanes to it, and loads and stores of stored bfloat16.
#pragma once
#include "backends/cpu/vec.h"
#include "core/bf16.h"

namespace spar {
namespace SPAR_ISA_NS {

typedef uint32_t vu __attribute__((vector_size(kLanes * 4)));

// x rounded as core/bf16.h does (nearest even, denormals to zero, NaN stays NaN), still as fp32.
SPAR_INLINE vf round_bf16(vf x) {
#if defined(__AVX512BF16__)
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)x)), 16);
#else
  const vu u = (vu)x;
  const vu rounded = u + 0x7fff + ((u >> 16) & 1);
  const vu nan = u | 0x400000;
  const vu kept = (u & 0x7f800000u) != 0 ? vu{} + 0xffff0000u : vu{} + 0x80000000u;
  return (vf)((x == x ? rounded : nan) & kept);
#endif
}

// kLanes stored bfloat16s as fp32.
SPAR_INLINE vf load_bf16(const uint16_t* p) {
#if defined(__AVX512F__)
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16);
#elif defined(__AVX2__)
  return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16);
#else
  vu v;
  for (int i = 0; i < kLanes; i++) v[i] = static_cast<uint32_t>(p[i]) << 16;
  return (vf)v;
#endif
}

// The first n lanes, zeros behind.
SPAR_INLINE vf load_part_bf16(const uint16_t* p, int n) {
  if (n == kLanes) return load_bf16(p);
  vf v = splat(0);
  for (int i = 0; i < n; i++) v[i] = from_bf16(p[i]);
  return v;
}

// Stores lanes that are representable as bfloat16.
SPAR_INLINE void store_bf16(uint16_t* p, vf v, int n) {
#if defined(__AVX512F__)
  const __m256i low = _mm512_cvtepi32_epi16(_mm512_srli_epi32((__m512i)v, 16));
  _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << n) - 1u), low);
#else
  const vu bits = (vu)v >> 16;
  for (int i = 0; i < n; i++) p[i] = static_cast<uint16_t>(bits[i]);
#endif
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
