// 2^x for softmax: fewer steps than exp() of vec.h, since scores come already multiplied by log2 e.
#pragma once
#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {

// fraction: x less the nearest whole number. scaled: p 2^n for whole n. reach, flushed: what keeps
// x and the result in range.
#if defined(__AVX512F__)
SPAR_INLINE vf fraction(vf x) { return (vf)_mm512_reduce_ps((__m512)x, 0); }
SPAR_INLINE vf scaled(vf p, vf n) { return (vf)_mm512_scalef_ps((__m512)p, (__m512)n); }
SPAR_INLINE vf reach(vf x) { return x; }
SPAR_INLINE vf flushed(vf y, vf) { return y; }
#else
SPAR_INLINE vf fraction(vf x) {
  const vf shift = splat(12582912.0f);  // 1.5 2^23: rounds to a whole number
  return x - ((x + shift) - shift);
}
SPAR_INLINE vf scaled(vf p, vf n) { return p * (vf)((__builtin_convertvector(n, vi) + 127) << 23); }
// Both give x when it is NaN: max() and min() then return their second operand.
SPAR_INLINE vf reach(vf x) { return min(splat(127.0f), max(splat(-126.0f), x)); }
SPAR_INLINE vf flushed(vf y, vf x) { return x < splat(-126.0f) ? splat(0.0f) : y; }
#endif

// 2^x, largest error 1.2 ulp over [-126, 127] (backends/cpu/vec_test.cc); 0 or denormal below, at
// least 2^127 above, NaN for NaN. A polynomial of degree 6 with constant term 1, minimax in
// relative error (2.0e-9), in the distance to the nearest whole number, which is exact.
SPAR_INLINE vf exp2(vf x) {
  const vf t = reach(x), f = fraction(t);
  vf p = splat(1.535336196e-04f);
  p = fma(p, f, splat(1.339887385e-03f));
  p = fma(p, f, splat(9.618436918e-03f));
  p = fma(p, f, splat(5.550332367e-02f));
  p = fma(p, f, splat(2.402264774e-01f));
  p = fma(p, f, splat(6.931471825e-01f));
  p = fma(p, f, splat(1.0f));
  return flushed(scaled(p, t - f), x);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
