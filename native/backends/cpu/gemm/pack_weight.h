// Packs a block of W [N, K] into its panels: forward panels hold W^T (columns n, depth k), backward
// panels W (columns k, depth n). Each square of a panel's width is written as it lies in the one and then in the
// other, transposed, in whole rows of panels: memory takes neighbouring lines a third faster than every other one.
#pragma once
#include "backends/cpu/bf16_vec.h"
#include "backends/cpu/gemm/panels.h"
#include "backends/cpu/transpose.h"

namespace spar {
namespace SPAR_ISA_NS {

// Floats of W between those being packed and those being fetched. Rows lie far apart, too many at
// a time for the hardware to follow.
constexpr int64_t kPackAhead = 128;

// Past the caches: packed weights are larger, and a line that is only written must not be read first.
SPAR_INLINE void put_past(uint32_t* to, vu v) { store_past_caches(reinterpret_cast<float*>(to), (vf)v); }

// The upper (odd) 16-bit halves of two neighbouring vectors, as one vector of pairs.
SPAR_INLINE vu join_halves(vu first, vu second) {
  typedef uint16_t vh __attribute__((vector_size(kLanes * 4)));
  vh index;
  for (int i = 0; i < 2 * kLanes; i++) index[i] = static_cast<uint16_t>(2 * i + 1);
  return (vu)__builtin_shuffle((vh)first, (vh)second, index);
}

// A square of W, a panel wide and high, with zeros past the ends of W; in bf16 precision rounded.
template <bool kBf16>
struct Square {
  static constexpr int kPer = kBf16 ? 2 : 1;  // values of a word
  vu v[kPanel][kPanelVectors];

  // Rows [n, n1) and columns from k on.
  SPAR_INLINE_MEMBER void read(const PackedWeight& w, int64_t n, int64_t n1, int64_t k) {
    for (int64_t i = 0; i < kPanel; i++) {
      const float* row = w.master + (n + i) * w.k;
#pragma GCC unroll 2
      for (int h = 0; h < kPanelVectors; h++) {
        __builtin_prefetch(row + k + h * kLanes + kPackAhead, 0, 2);
        const int64_t at = k + h * kLanes, left = n + i < n1 ? w.k - at : 0;
        const vf x = left >= kLanes ? load(row + at) : left > 0 ? load_some(row + at, static_cast<int>(left), 0) : vf{};
        v[i][h] = (vu)(kBf16 ? round_bf16(x) : x);
      }
    }
  }
  // The words of `rows` rows, their columns side by side: W as it lies.
  SPAR_INLINE_MEMBER void write_rows(uint32_t* to, int64_t rows) const {
    for (int64_t i = 0; i < rows; i += kPer, to += kPanel)
#pragma GCC unroll 2
      for (int h = 0; h < kPanelVectors; h++)
        put_past(to + h * kLanes, kBf16 ? v[i][h] >> 16 | (v[i + 1][h] & 0xffff0000u) : v[i][h]);
  }
  // The words of `columns` columns, their rows side by side: W transposed.
  SPAR_INLINE_MEMBER void write_columns(uint32_t* to, int64_t columns) const {
    for (int q = 0; q < kPanelVectors / kPer; q++) {
      vu t[kPanelVectors][kLanes];
#pragma GCC unroll 2
      for (int h = 0; h < kPanelVectors; h++) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) {
          const vu(&row)[kPanelVectors] = v[h * kLanes + i];
          t[h][i] = kBf16 ? join_halves(row[0], row[1]) : row[q];
        }
        transpose(t[h]);
      }
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++, to += kPanel) {
        if ((q * kLanes + i) * kPer >= columns) return;
#pragma GCC unroll 2
        for (int h = 0; h < kPanelVectors; h++) put_past(to + h * kLanes, t[h][i]);
      }
    }
  }
};

// Rows [n0, n1) of W; n0 and n1 as in linear/op.h. Copies are 64-byte aligned.
template <bool kBf16>
SPAR_INLINE void pack_rows(const PackedWeight& w, int64_t n0, int64_t n1) {
  const int64_t forward = panel_words(w.k, kBf16), backward = panel_words(w.n, kBf16), per = Square<kBf16>::kPer;
  for (int64_t n = n0; n < n1; n += kPanel)
    for (int64_t k = 0; k < w.k; k += kPanel) {
      Square<kBf16> s;
      s.read(w, n, n1, k);
      if (w.backward)
        s.write_rows(static_cast<uint32_t*>(w.backward) + k / kPanel * backward + n / per * kPanel,
                     at_most(n1 - n, kPanel));
      s.write_columns(static_cast<uint32_t*>(w.forward) + n / kPanel * forward + k / per * kPanel, w.k - k);
    }
  drain_stores();
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
