// How operands of bf16 products lie in memory. Depths come in pairs, one pair a 32-bit word, the
// even depth in the low half; a depth is padded with zeros to whole steps of kStep.
//   B (weights, or rows of x over their index): panels of kPanel columns, one after another; in a
//     panel the words of one pair of depths are kPanel neighbours, one cache line.
//   A (activations): blocks of kBlock rows; in a block steps one after another, a step being
//     kBlock rows of kStep values: again a cache line each.
// A step of a panel and a step of a block are 1 KiB and what one tile register holds.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "backends/cpu/bf16/units.h"
#include "backends/cpu/integers.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

constexpr int64_t kStep = 32, kPanel = 16, kBlock = 16;
constexpr int64_t kTile = kPanel * kStep;  // values of a step
// What one call of multiply() computes: up to kBlocks blocks of rows by kPanels panels.
#if defined(__AMX_BF16__)
constexpr int kBlocks = 2, kPanels = 2;
#else
constexpr int kBlocks = 2, kPanels = 3;
#endif
constexpr int64_t kRows = kBlocks * kBlock, kColumns = kPanels * kPanel;

SPAR_INLINE int64_t steps_of(int64_t depth) { return ceil_div(depth, kStep); }
// Values of one panel or block.
SPAR_INLINE int64_t strip(int64_t depth) { return steps_of(depth) * kTile; }
// Groups of kPanels panels, the last one filled up with zeros.
SPAR_INLINE int64_t groups_of(int64_t columns) { return ceil_div(columns, kColumns); }
SPAR_INLINE int64_t packed_values(int64_t columns, int64_t depth) {
  return groups_of(columns) * kPanels * strip(depth);
}

// Gated weights W [n, k], gates and then ups: whether a group holds 16 gates and the ups of the same
// columns, and if so the panel of rows [16 panel, 16 panel + 16).
constexpr bool kPairsPanels = kPanels == 2;
SPAR_INLINE bool pairs_panels(int64_t n) { return kPairsPanels && n % (2 * kPanel) == 0; }
SPAR_INLINE int64_t paired_panel(int64_t panel, int64_t n) {
  const int64_t gates = n / (2 * kPanel);
  return panel < gates ? 2 * panel : 2 * (panel - gates) + 1;
}

// The first n of 16 lanes, n clamped.
SPAR_INLINE __mmask16 lanes16(int64_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffff : n > 0 ? (1u << n) - 1 : 0);
}

SPAR_INLINE __m512 part(const float* p, int64_t n) {
  return n >= 16 ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(lanes16(n), p);
}

// Rounds as to_bf16() does: nearest even, denormals to zero, NaN stays NaN.
// neighbours: 32 values in order.
SPAR_INLINE __m512i neighbours(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }
// The first n of 32 values at p, zeros behind.
SPAR_INLINE __m512i neighbours(const float* p, int64_t n) { return neighbours(part(p, n), part(p + 16, n - 16)); }
// paired: lane i holds low[i] and high[i].
SPAR_INLINE __m512i paired(__m512i neighbours) {
  const __m512i index = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(index, neighbours);
}
SPAR_INLINE __m512i paired(__m512 low, __m512 high) { return paired(neighbours(low, high)); }

// One step of a panel or block in memory.
SPAR_INLINE void put(uint16_t* to, const __m512i (&v)[16]) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) _mm512_store_si512(to + 32 * i, v[i]);
}

// The step whose 16 rows of up to `depth` neighbours start at from + i stride: as a block.
SPAR_INLINE void load_rows(__m512i (&v)[16], const float* from, int64_t stride, int64_t rows, int64_t depth) {
  if (rows >= 16 && depth >= 32) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
      v[i] = neighbours(_mm512_loadu_ps(from + i * stride), _mm512_loadu_ps(from + i * stride + 16));
    return;
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    const float* row = from + i * stride;
    v[i] = i < rows ? neighbours(row, depth) : _mm512_setzero_si512();
  }
}

SPAR_INLINE __mmask32 lanes32(int64_t n) {
  return static_cast<__mmask32>(n >= 32 ? 0xffffffffu : n > 0 ? (1u << n) - 1 : 0);
}

// The same of values that are rounded.
SPAR_INLINE void load_rows(__m512i (&v)[16], const uint16_t* from, int64_t stride, int64_t rows, int64_t depth) {
  const __mmask32 some = lanes32(depth);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++)
    v[i] = i < rows ? _mm512_maskz_loadu_epi16(some, from + i * stride) : _mm512_setzero_si512();
}

// The step whose depths are rows, up to `depth` of them at from + d stride with up to `columns`
// neighbours each: as a panel.
SPAR_INLINE void load_depths(__m512i (&v)[16], const float* from, int64_t stride, int64_t columns, int64_t depth) {
  if (columns >= 16 && depth >= 32) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
      v[i] = paired(_mm512_loadu_ps(from + 2 * i * stride), _mm512_loadu_ps(from + (2 * i + 1) * stride));
    return;
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    const float* row = from + 2 * i * stride;
    const __m512 none = _mm512_setzero_ps();
    v[i] = paired(2 * i < depth ? part(row, columns) : none, 2 * i + 1 < depth ? part(row + stride, columns) : none);
  }
}

// The same of values that are rounded.
SPAR_INLINE void load_depths(__m512i (&v)[16], const uint16_t* from, int64_t stride, int64_t columns, int64_t depth) {
  const __mmask16 some = lanes16(columns), none = 0;
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    const uint16_t* row = from + 2 * i * stride;
    const __m256i low = _mm256_maskz_loadu_epi16(2 * i < depth ? some : none, row);
    const __m256i high = _mm256_maskz_loadu_epi16(2 * i + 1 < depth ? some : none, row + stride);
    v[i] = paired(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
  }
}

// Rows of an operand in memory: fp32, or rounded before.
struct Rows {
  const float* wide;
  const uint16_t* narrow;  // NULL: wide
  int64_t stride;

  SPAR_INLINE_MEMBER void load_rows(__m512i (&v)[16], int64_t row, int64_t rows, int64_t column, int64_t depth) const {
    const int64_t at = row * stride + column;
    narrow ? bf16::load_rows(v, narrow + at, stride, rows, depth) : bf16::load_rows(v, wide + at, stride, rows, depth);
  }
  SPAR_INLINE_MEMBER void load_depths(__m512i (&v)[16], int64_t row, int64_t depth, int64_t column,
                                      int64_t columns) const {
    const int64_t at = row * stride + column;
    narrow ? bf16::load_depths(v, narrow + at, stride, columns, depth)
           : bf16::load_depths(v, wide + at, stride, columns, depth);
  }
  // Up to 32 values of one row.
  SPAR_INLINE_MEMBER __m512i load_row(int64_t row, int64_t column, int64_t depth) const {
    const int64_t at = row * stride + column;
    return narrow ? _mm512_maskz_loadu_epi16(lanes32(depth), narrow + at) : neighbours(wide + at, depth);
  }
  // Asks for kBytes of a row.
  template <int64_t kBytes>
  SPAR_INLINE_MEMBER void fetch(int64_t row, int64_t column) const {
    const int64_t at = row * stride + column;
    const char* line = narrow ? reinterpret_cast<const char*>(narrow + at) : reinterpret_cast<const char*>(wide + at);
    for (int64_t i = 0; i < kBytes; i += 64) _mm_prefetch(line + i, _MM_HINT_T1);
  }
  SPAR_INLINE_MEMBER int64_t bytes() const { return narrow ? 2 : 4; }  // of a value
};

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
