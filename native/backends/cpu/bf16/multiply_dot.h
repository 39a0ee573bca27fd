// multiply() with vdpbf16ps: each pair of depths adds its odd product, then its even one, each
// fused and rounded, to the sum; pairs ascend.
#pragma once
#include "backends/cpu/bf16/beside.h"
#include "backends/cpu/bf16/layout.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

constexpr bool kReadsOnce = false;  // a call of multiply() reads B for every 8 rows
constexpr bool kMultipliesFew = false;
void multiply_few(const uint16_t* a, int64_t rows, const uint16_t* b, int64_t b_stride, int64_t steps, float* c);

// A unit of work needs no preparation.
class Unit {
 public:
  explicit Unit(int64_t = kBlock) {}
};

// 8 rows of a block by the panels: 24 sums, 3 vectors of B and one of A fill the registers.
template <class Beside>
SPAR_INLINE void multiply_rows(const uint16_t* a, const uint16_t* b, int64_t b_stride, int64_t steps, float* c,
                               bool add, Beside& beside) {
  constexpr int R = 8;
  __m512 sums[R][kPanels];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 3
    for (int p = 0; p < kPanels; p++) sums[r][p] = add ? _mm512_load_ps(c + p * 256 + r * 16) : _mm512_setzero_ps();
  for (int64_t s = 0; s < steps; s++) {
    for (int64_t pair = 0; pair < kStep / 2; pair++) {
      __m512i words[kPanels];
#pragma GCC unroll 3
      for (int p = 0; p < kPanels; p++) {
        const uint16_t* at = b + p * b_stride + pair * 32;
        words[p] = _mm512_load_si512(at);
        _mm_prefetch(reinterpret_cast<const char*>(at + 512), _MM_HINT_T0);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        int32_t both;
        std::memcpy(&both, a + r * kStep + 2 * pair, 4);
        const __m512i x = _mm512_set1_epi32(both);
#pragma GCC unroll 3
        for (int p = 0; p < kPanels; p++) sums[r][p] = _mm512_dpbf16_ps(sums[r][p], (__m512bh)x, (__m512bh)words[p]);
      }
    }
    a += kTile;
    b += kTile;
    beside.step();
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 3
    for (int p = 0; p < kPanels; p++) _mm512_store_ps(c + p * 256 + r * 16, sums[r][p]);
}

// c (+)= A B over `steps` steps, for R blocks and kPanels panels.
template <int R, Streamed, class Beside>
__attribute__((noinline)) void multiply(const uint16_t* a, int64_t a_stride, const uint16_t* b, int64_t b_stride,
                                        int64_t steps, float* c, bool add, Beside& beside) {
  beside.finish();
  for (int r = 0; r < R; r++)
    for (int half = 0; half < 2; half++)
      multiply_rows(a + r * a_stride + half * 8 * kStep, b, b_stride, steps, c + r * kPanels * 256 + half * 128, add,
                    beside);
}

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
