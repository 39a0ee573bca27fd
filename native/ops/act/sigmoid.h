// The sigmoid of the act op: its stated error is tested through the op (test.cc).
#pragma once
#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {

#if defined(__AVX512F__)
// 1 / (1 + 2^z), z = -g log2(e), in 20 instructions: with a division and the general exp the op would not keep up
// with the memory. 2^z is scaled by the integer next to z, the rest of at most 1/2 goes through a polynomial (relative
// error 2e-9), and one Newton step takes the 14 bits of the reciprocal to all.
SPAR_INLINE vf sigmoid(vf g) {
  const vf log2e = splat(-1.44269504088896341f), log2e_low = splat(-1.925963033500e-8f), limit = splat(125.0f);
  g = min(splat(64.0f), g);  // from 17 on the sigmoid is 1; NaN passes
  const __m512 z = (__m512)(g * log2e);
  const __m512 n = _mm512_roundscale_ps(z, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const vf r = fma(g, log2e_low, fma(g, log2e, -(vf)n));
  vf p = splat(0.00015353361959569156f);
  p = fma(p, r, splat(0.0013398875016719103f));
  p = fma(p, r, splat(0.00961843691766262f));
  p = fma(p, r, splat(0.055503323674201965f));
  p = fma(p, r, splat(0.24022647738456726f));
  p = fma(p, r, splat(0.6931471824645996f));
  p = fma(p, r, splat(1.0f));
  const vf d = splat(1.0f) + (vf)_mm512_scalef_ps((__m512)p, n);
  // Beyond the limit the reciprocal is no longer a normal number; NaN passes.
  const __mmask16 inside = _mm512_cmp_ps_mask(z, (__m512)limit, _CMP_NGT_UQ);
  const vf y = (vf)_mm512_maskz_rcp14_ps(inside, (__m512)d);
  return (vf)_mm512_maskz_mul_ps(inside, (__m512)y, (__m512)fma(-d, y, splat(2.0f)));
}
#else
SPAR_INLINE vf sigmoid(vf g) { return splat(1.0f) / (splat(1.0f) + exp(-g)); }
#endif

}  // namespace SPAR_ISA_NS
}  // namespace spar
