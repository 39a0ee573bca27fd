// Vectors of fp32 for the kernel family that the including file is compiled for. Every cpu.cc is
// compiled once per family with SPAR_ISA_NS set to its namespace (isa_base, isa_avx2, isa_avx512)
// and -ffp-contract=off, so a multiply-add is fused exactly where fma() is written (the base
// family has no fused form: it rounds the product). Lanes: 16, 8 or 4.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#ifndef SPAR_ISA_NS
#define SPAR_ISA_NS isa_base
#endif

namespace spar {
namespace SPAR_ISA_NS {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float vf __attribute__((vector_size(kLanes * 4)));
typedef int32_t vi __attribute__((vector_size(kLanes * 4)));

#define SPAR_INLINE static inline __attribute__((always_inline, unused))
#define SPAR_INLINE_MEMBER inline __attribute__((always_inline))

SPAR_INLINE vf load(const float* p) {
  vf v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
SPAR_INLINE void store(float* p, vf v) { std::memcpy(p, &v, sizeof v); }
// splat(x): x in every lane. load_some: the first n < kLanes lanes, the others are `fill`.
#if defined(__AVX512F__)
SPAR_INLINE vf splat(float x) { return (vf)_mm512_set1_ps(x); }
SPAR_INLINE __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
SPAR_INLINE vf load_some(const float* p, int n, float fill) {
  return (vf)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), first_lanes(n), p);
}
SPAR_INLINE void store_some(float* p, vf v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), (__m512)v); }
SPAR_INLINE vf fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
SPAR_INLINE vf max(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
SPAR_INLINE vf min(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
SPAR_INLINE vf sqrt(vf a) { return (vf)_mm512_sqrt_ps((__m512)a); }
SPAR_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#elif defined(__AVX2__)
SPAR_INLINE vf splat(float x) { return (vf)_mm256_set1_ps(x); }
SPAR_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SPAR_INLINE vf load_some(const float* p, int n, float fill) {
  const __m256i mask = first_lanes(n);
  return (vf)_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}
SPAR_INLINE void store_some(float* p, vf v, int n) { _mm256_maskstore_ps(p, first_lanes(n), (__m256)v); }
SPAR_INLINE vf fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
SPAR_INLINE vf max(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
SPAR_INLINE vf min(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
SPAR_INLINE vf sqrt(vf a) { return (vf)_mm256_sqrt_ps((__m256)a); }
SPAR_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
SPAR_INLINE vf splat(float x) { return vf{x, x, x, x}; }
SPAR_INLINE vf load_some(const float* p, int n, float fill) {
  vf v = splat(fill);
  for (int i = 0; i < n; i++) v[i] = p[i];
  return v;
}
SPAR_INLINE void store_some(float* p, vf v, int n) {
  for (int i = 0; i < n; i++) p[i] = v[i];
}
SPAR_INLINE vf fma(vf a, vf b, vf c) { return a * b + c; }
SPAR_INLINE vf max(vf a, vf b) { return a > b ? a : b; }
SPAR_INLINE vf min(vf a, vf b) { return a < b ? a : b; }
SPAR_INLINE vf sqrt(vf a) {
  for (int i = 0; i < kLanes; i++) a[i] = __builtin_sqrtf(a[i]);
  return a;
}
SPAR_INLINE float fma(float a, float b, float c) { return a * b + c; }
#endif

// Stores past the caches, where the hardware can: p is aligned to the vector. drain_stores() makes them
// visible to other threads.
#if defined(__AVX512F__)
SPAR_INLINE void store_past_caches(float* p, vf v) { _mm512_stream_ps(p, (__m512)v); }
SPAR_INLINE void drain_stores() { _mm_sfence(); }
#elif defined(__AVX2__)
SPAR_INLINE void store_past_caches(float* p, vf v) { _mm256_stream_ps(p, (__m256)v); }
SPAR_INLINE void drain_stores() { _mm_sfence(); }
#else
SPAR_INLINE void store_past_caches(float* p, vf v) { store(p, v); }
SPAR_INLINE void drain_stores() {}
#endif

// Fixed trees: the upper half of the lanes is joined to the lower until one lane is left.
#if defined(__AVX2__) || defined(__AVX512F__)
#define SPAR_TREE(name, op)                                                      \
  SPAR_INLINE float name(__m256 v) {                                             \
    __m128 x = _mm_##op(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)); \
    x = _mm_##op(x, _mm_movehl_ps(x, x));                                        \
    return _mm_cvtss_f32(_mm_##op(x, _mm_movehdup_ps(x)));                       \
  }
SPAR_TREE(tree_sum, add_ps)
SPAR_TREE(tree_max, max_ps)
#undef SPAR_TREE
#endif
#if defined(__AVX512F__)
SPAR_INLINE float sum(vf v) {
  return tree_sum(_mm256_add_ps(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1)));
}
SPAR_INLINE float max(vf v) {
  return tree_max(_mm256_max_ps(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1)));
}
#elif defined(__AVX2__)
SPAR_INLINE float sum(vf v) { return tree_sum((__m256)v); }
SPAR_INLINE float max(vf v) { return tree_max((__m256)v); }
#else
SPAR_INLINE float sum(vf v) { return (v[0] + v[2]) + (v[1] + v[3]); }
SPAR_INLINE float max(vf v) {
  const float a = v[0] > v[2] ? v[0] : v[2], b = v[1] > v[3] ? v[1] : v[3];
  return a > b ? a : b;
}
#endif

// Whether some lane of a comparison's result is set.
SPAR_INLINE bool any(vi v) {
#if defined(__AVX512F__)
  return _mm512_test_epi32_mask((__m512i)v, (__m512i)v) != 0;
#elif defined(__AVX2__)
  return _mm256_testz_si256((__m256i)v, (__m256i)v) == 0;
#else
  return (v[0] | v[1] | v[2] | v[3]) != 0;
#endif
}

// e^x, largest error 1.05 ulp over [-87.3, 88.7] (backends/cpu/vec_test.cc); 0 below, inf above,
// NaN for NaN. Cody-Waite reduction and a degree-6 polynomial.
SPAR_INLINE vf exp(vf x) {
#if defined(__AVX512F__)
  // These two return the second operand where one is NaN. Beyond 89.5 the scaling gives inf.
  const vf c = (vf)_mm512_min_ps((__m512)splat(89.5f), _mm512_max_ps((__m512)splat(-87.33654f), (__m512)x));
#else
  const vf low = splat(-87.33654f), high = splat(88.72283f);
  const vf c = min(max(x, low), high);
#endif
  vf n = c * splat(1.44269504088896341f);
  vf shifted = n + splat(12582912.0f);  // 1.5 2^23: rounds n to an integer in the low bits
  vf k = shifted - splat(12582912.0f);
  vf r = fma(k, splat(-0.693359375f), c);
  r = fma(k, splat(2.12194440e-4f), r);
  vf p = splat(1.9875691500e-4f);
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  p = fma(p, r, splat(5.0000001201e-1f));
  vf y = fma(p, r * r, r) + splat(1.0f);
#if defined(__AVX512F__)
  // The same bits as below, with half the instructions: compared for all 2^32 floats.
  const __mmask16 counts = _mm512_cmp_ps_mask((__m512)x, (__m512)splat(-87.33654f), _CMP_NLT_UQ);
  return (vf)_mm512_maskz_scalef_ps(counts, (__m512)y, (__m512)k);
#else
  // Two half scalings keep 2^k in range at both ends.
  vi e = __builtin_convertvector(k, vi);
  vi half = e >> 1;
  vf s1 = (vf)((half + 127) << 23), s2 = (vf)((e - half + 127) << 23);
  y = y * s1 * s2;
  y = x < low ? splat(0.0f) : y;
  y = x > high ? splat(__builtin_inff()) : y;
  return x == x ? y : x;
#endif
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
