// What can happen beside a product, a little in each of its steps, so that it hides behind it:
// finished sums go to the caller's matrix, later sums get their old value, memory is fetched.
// A product says with a type of its own what it does beside: step() in each step, and finish() for the rest.
#pragma once
#include "backends/cpu/bf16/layout.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

// The operand that passes once while the other one stays in the first cache: A or B from the second
// cache, or B from memory.
enum class Streamed { kA, kB, kFarB };

// Sums of one call of multiply(): [block][panel][16][16].
constexpr int64_t kSums = kRows * kColumns;
static inline __attribute__((always_inline)) float* sums_row(float* sums, int64_t row) {
  return sums + (row >> 4) * (kPanels * 256) + (row & 15) * 16;
}

// Sums -> rows of a matrix.
struct Drain {
  float* from = nullptr;
  float* to = nullptr;
  int64_t to_stride = 0;
  const float* base = nullptr;  // added, unless NULL
  int64_t base_stride = 0;      // 0: one row for all
  int64_t columns = 0;          // <= kColumns
  int64_t soon = 0;             // from a row to the one that the next call writes, or reads, in its place
  int64_t next = 0, rows = 0;
  bool stream = false;  // past the caches; rows of `to` are 64-byte aligned and columns whole

  SPAR_INLINE_MEMBER void row() {
    if (next >= rows) return;
    const float* sums = sums_row(from, next);
    if (!stream) {
      _mm_prefetch(to + soon, _MM_HINT_T0);
      _mm_prefetch(to + soon + 16, _MM_HINT_T0);
    }
    if (base_stride && base != to) {
      _mm_prefetch(base + soon, _MM_HINT_T0);
      _mm_prefetch(base + soon + 16, _MM_HINT_T0);
    }
    if (columns == kColumns) {
#pragma GCC unroll 3
      for (int p = 0; p < kPanels; p++) {
        __m512 v = _mm512_load_ps(sums + p * 256);
        if (base) v = _mm512_add_ps(_mm512_loadu_ps(base + p * 16), v);
        if (stream)
          _mm512_stream_ps(to + p * 16, v);
        else
          _mm512_storeu_ps(to + p * 16, v);
      }
    } else {
      for (int64_t p = 0; p * 16 < columns; p++) {
        const __mmask16 some = lanes16(columns - p * 16);
        __m512 v = _mm512_load_ps(sums + p * 256);
        if (base) v = _mm512_add_ps(_mm512_maskz_loadu_ps(some, base + p * 16), v);
        _mm512_mask_storeu_ps(to + p * 16, some, v);
      }
    }
    to += to_stride;
    base += base_stride;
    next++;
  }
};

// Rows of a matrix -> sums.
struct Fill {
  float* to = nullptr;
  const float* from = nullptr;
  int64_t stride = 0;
  int64_t columns = 0;
  int64_t next = 0, rows = 0;
  const float* soon = nullptr;  // rows to fetch for a later fill

  SPAR_INLINE_MEMBER void row() {
    if (next >= rows) return;
    _mm_prefetch(soon, _MM_HINT_T0);
    _mm_prefetch(soon + 16, _MM_HINT_T0);
    soon += stride;
    float* sums = sums_row(to, next);
    for (int64_t p = 0; p < kPanels; p++) _mm512_store_ps(sums + p * 256, part(from + p * 16, columns - p * 16));
    from += stride;
    next++;
  }
};

// Runs of two cache lines to bring near: `left` runs, then the same of the next of `strips`.
struct Fetch {
  const char* at = nullptr;
  int64_t stride = 128;  // bytes from run to run
  int64_t count = 0;     // runs of a strip
  int64_t strips = 1;
  int64_t strip_stride = 0;
  int64_t done = 0;

  SPAR_INLINE_MEMBER void runs(int64_t n) {
    for (; n > 0 && strips > 0; n--) {
      _mm_prefetch(at + done * stride, _MM_HINT_T1);
      _mm_prefetch(at + done * stride + 64, _MM_HINT_T1);
      if (++done < count) continue;
      done = 0;
      strips--;
      at += strip_stride;
    }
  }
};

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
