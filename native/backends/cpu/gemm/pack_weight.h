// Packs rows of W [N, K] into its panels in one sweep: forward panels hold W^T (columns n, depth k),
// backward panels W (columns k, depth n). A square of W is read once into registers, stored as it is
// for backward and transposed for forward.
#pragma once
#include "backends/cpu/bf16_vec.h"
#include "backends/cpu/gemm/panels.h"
#include "backends/cpu/transpose.h"

namespace spar {
namespace SPAR_ISA_NS {

// Floats of W between those being packed and those being fetched. Rows lie far apart, too many at
// a time for the hardware to follow.
constexpr int64_t kPackAhead = 128;

// Past the caches where a vector is a whole line of them: packed weights are larger, and a line that is
// only written must not be read first.
SPAR_INLINE void store_packed(uint32_t* to, vu v) {
  float* line = reinterpret_cast<float*>(to);
  kLanes == 16 ? store_past_caches(line, (vf)v) : store(line, (vf)v);
}

// The upper (odd) 16-bit halves of two neighbouring vectors, as one vector of pairs.
SPAR_INLINE vu join_halves(vu first, vu second) {
  typedef uint16_t vh __attribute__((vector_size(kLanes * 4)));
  vh index;
  for (int i = 0; i < 2 * kLanes; i++) index[i] = static_cast<uint16_t>(2 * i + 1);
  return (vu)__builtin_shuffle((vh)first, (vh)second, index);
}

// Rows of W being packed: n < end are valid.
struct PackedRows {
  const PackedWeight& w;
  int64_t end;
  int64_t forward_depths, backward_words;  // of a panel

  // Columns [k, k + kLanes) of row n as bits of fp32, zero past the end.
  __attribute__((always_inline)) inline vu read(int64_t n, int64_t k) const {
    const int64_t left = w.k - k;
    if (n >= end || left <= 0) return vu{};
    const float* at = w.master + n * w.k + k;
    return (vu)(left >= kLanes ? load(at) : load_some(at, static_cast<int>(left), 0));
  }
  // Backward words of depth (or pair of depths) p, columns from k on.
  __attribute__((always_inline)) inline void write_backward(int64_t p, int64_t k, vu v) const {
    if (k >= panel_count(w.k) * kPanel) return;
    store_packed(static_cast<uint32_t*>(w.backward) + k / kPanel * backward_words + p * kPanel + k % kPanel, v);
  }
  // Forward words of columns [n, n + kLanes), depths (or pairs) from p on; v[i] is that of column n + i.
  __attribute__((always_inline)) inline void write_forward(int64_t n, int64_t p, vu (&v)[kLanes]) const {
    transpose(v);
    uint32_t* to = static_cast<uint32_t*>(w.forward) + (n / kPanel * forward_depths + p) * kPanel + n % kPanel;
    const int64_t left = forward_depths - p;
    if (left >= kLanes) {
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) store_packed(to + i * kPanel, v[i]);
      return;
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++)
      if (i < left) store_packed(to + i * kPanel, v[i]);
  }
};

// kLanes rows of W from n on, and the columns from k on that make kLanes words of a row.
SPAR_INLINE void pack_square(const PackedRows& r, int64_t n, int64_t k) {
  vu words[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) {
    __builtin_prefetch(r.w.master + (n + i) * r.w.k + k + kPackAhead, 0, 2);
    words[i] = r.read(n + i, k);
    if (r.w.backward && n + i < r.end) r.write_backward(n + i, k, words[i]);
  }
  if (k < r.w.k) r.write_forward(n, k, words);
}

SPAR_INLINE void pack_square_bf16(const PackedRows& r, int64_t n, int64_t k) {
  vu words[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i += 2) {
    vu row[2][2];
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
#pragma GCC unroll 2
      for (int h = 0; h < 2; h++) {
        __builtin_prefetch(r.w.master + (n + i + j) * r.w.k + k + h * kLanes + kPackAhead, 0, 2);
        row[j][h] = (vu)round_bf16((vf)r.read(n + i + j, k + h * kLanes));
      }
      words[i + j] = join_halves(row[j][0], row[j][1]);
    }
    if (!r.w.backward || n + i >= r.end) continue;
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++)
      r.write_backward((n + i) / 2, k + h * kLanes, row[0][h] >> 16 | (row[1][h] & 0xffff0000u));
  }
  if (k < r.w.k) r.write_forward(n, k / 2, words);
}

// Rows [n0, n1) of W; n0 and n1 as in linear/op.h. Copies are 64-byte aligned.
template <bool kBf16>
SPAR_INLINE void pack_rows(const PackedWeight& w, int64_t n0, int64_t n1) {
  const PackedRows r = {w, n1, panel_words(w.k, kBf16) / kPanel, panel_words(w.n, kBf16)};
  const int64_t columns = panel_count(w.k) * kPanel, step = kBf16 ? 2 * kLanes : kLanes;
  for (int64_t panel = n0; panel < n1; panel += kPanel)
    for (int64_t k = 0; k < columns; k += step)
      for (int64_t n = panel; n < panel + kPanel; n += kLanes) kBf16 ? pack_square_bf16(r, n, k) : pack_square(r, n, k);
  drain_stores();
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
