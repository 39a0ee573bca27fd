// The dense inner loops of attention over one block of keys: dot products, weighted sums, and
// the packing that they read. Every output is one chain of multiply-adds in rising order of the
// summed index, so bits do not depend on how rows, keys and channels are grouped here.
#pragma once
#include "backends/cpu/rows.h"
#include "backends/cpu/transpose.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int kGroup = 6;                    // query rows at once: their sums fill the registers
constexpr int kWide = kLanes == 16 ? 4 : 2;  // vectors of keys, or of channels, at once

SPAR_INLINE int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Cuts whole cache lines for `count` numbers off the front of scratch.
template <class T = float>
SPAR_INLINE T* take(float*& scratch, int64_t count) {
  T* p = reinterpret_cast<T*>(scratch);
  scratch += round_up(count * static_cast<int64_t>(sizeof(T)), 64) / 4;
  return p;
}

// out[c * ld + i] = in[i * stride + c] for i < count, c < d. Columns count .. round_up(count, kLanes)
// become zero; ld is at least that.
static inline void pack_columns(const float* in, int64_t stride, int64_t count, int64_t d, float* out, int64_t ld) {
  const int64_t columns = round_up(count, kLanes);
  for (int64_t i = 0; i < columns; i += kLanes) {
    for (int64_t c = 0; c < d; c += kLanes) {
      const int n = static_cast<int>(d - c < kLanes ? d - c : kLanes);
      vf t[kLanes];
#pragma GCC unroll 16
      for (int k = 0; k < kLanes; k++) t[k] = i + k < count ? load_part(in + (i + k) * stride + c, n) : splat(0);
      transpose(t);
      for (int k = 0; k < n; k++) store(out + (c + k) * ld + i, t[k]);
    }
  }
}

// out[i * round_up(d, kLanes) + c] = in[i * stride + c], zero for c >= d.
static inline void pack_rows(const float* in, int64_t stride, int64_t count, int64_t d, float* out) {
  for (int64_t i = 0; i < count; i++) {
    float* row = out + i * round_up(d, kLanes);
    each_vector(d, [=](int64_t c, int n) { store(row + c, load_part(in + i * stride + c, n)); });
  }
}

// Keys as columns of a block, d rows that are `ld` long. kStep channels come with one load.
struct Columns {
  static constexpr int kStep = 1;
  const float* data;
  int64_t ld;

  SPAR_INLINE_MEMBER void load_channels(int64_t c, int64_t j, vf* k) const { k[0] = load(data + c * ld + j); }
};

// out[r * ld + j] = q[r] . key j for R rows of q and N vectors of keys from j on.
template <int R, int N, class Keys>
SPAR_INLINE void dots_tile(const float* q, int64_t q_stride, const Keys& keys, int64_t j, int64_t d, float* out,
                           int64_t ld) {
  vf s[R][N];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int i = 0; i < N; i++) s[r][i] = splat(0);
  for (int64_t c = 0; c < d; c += Keys::kStep) {
    vf k[N][Keys::kStep];
#pragma GCC unroll 4
    for (int i = 0; i < N; i++) keys.load_channels(c, j + i * kLanes, k[i]);
#pragma GCC unroll 2
    for (int e = 0; e < Keys::kStep; e++)
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        const vf x = splat(q[r * q_stride + c + e]);
#pragma GCC unroll 4
        for (int i = 0; i < N; i++) s[r][i] = fma(x, k[i][e], s[r][i]);
      }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int i = 0; i < N; i++) store(out + r * ld + j + i * kLanes, s[r][i]);
}

template <int R, class Keys>
SPAR_INLINE void dots_rows(const float* q, int64_t q_stride, const Keys& keys, int64_t d, int64_t first, int64_t last,
                           float* out, int64_t ld) {
  int64_t j = first;
  for (; last - j > (kWide - 1) * kLanes; j += kWide * kLanes) dots_tile<R, kWide>(q, q_stride, keys, j, d, out, ld);
  if (last <= j) return;
  switch ((last - j + kLanes - 1) / kLanes) {
    case 3: dots_tile<R, 3>(q, q_stride, keys, j, d, out, ld); break;
    case 2: dots_tile<R, 2>(q, q_stride, keys, j, d, out, ld); break;
    default: dots_tile<R, 1>(q, q_stride, keys, j, d, out, ld); break;
  }
}

// out[r * ld + j]: the dot products of `rows` <= kGroup rows with keys j in [first, last); first is a
// multiple of kLanes, and the keys up to the next one after last are read.
template <class Keys>
static inline void dots(int64_t rows, const float* q, int64_t q_stride, const Keys& keys, int64_t d, int64_t first,
                        int64_t last, float* out, int64_t ld) {
  switch (rows) {
    case 6: dots_rows<6>(q, q_stride, keys, d, first, last, out, ld); break;
    case 5: dots_rows<5>(q, q_stride, keys, d, first, last, out, ld); break;
    case 4: dots_rows<4>(q, q_stride, keys, d, first, last, out, ld); break;
    case 3: dots_rows<3>(q, q_stride, keys, d, first, last, out, ld); break;
    case 2: dots_rows<2>(q, q_stride, keys, d, first, last, out, ld); break;
    default: dots_rows<1>(q, q_stride, keys, d, first, last, out, ld); break;
  }
}

// Weights p[r * row + j * step] of rows r and summed index j.
struct Weights {
  const float* p;
  int64_t row, step;
};

// Rows of values, `stride` apart.
struct Rows {
  const float* data;
  int64_t stride;

  Rows from(int64_t j) const { return {data + j * stride, stride}; }
  SPAR_INLINE_MEMBER vf load_channels(int64_t j, int64_t c) const { return load(data + j * stride + c); }
};

// acc[r * width + c] += sum_j w(r, j) x(j, c) for R rows and N vectors of channels from c on.
template <int R, int N, class Values>
SPAR_INLINE void add_weighted_tile(Weights w, const Values& x, int64_t c, int64_t count, float* acc, int64_t width) {
  vf s[R][N];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int i = 0; i < N; i++) s[r][i] = load(acc + r * width + c + i * kLanes);
  int64_t j = 0;
  do {  // a loop that might not run would keep the sums in memory too
    vf v[N];
#pragma GCC unroll 4
    for (int i = 0; i < N; i++) v[i] = x.load_channels(j, c + i * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) {
      const vf p = splat(w.p[r * w.row + j * w.step]);
#pragma GCC unroll 4
      for (int i = 0; i < N; i++) s[r][i] = fma(p, v[i], s[r][i]);
    }
  } while (++j < count);
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int i = 0; i < N; i++) store(acc + r * width + c + i * kLanes, s[r][i]);
}

template <int R, class Values>
SPAR_INLINE void add_weighted_rows(Weights w, const Values& x, int64_t count, float* acc, int64_t width) {
  int64_t c = 0;
  for (; c + kWide * kLanes <= width; c += kWide * kLanes) add_weighted_tile<R, kWide>(w, x, c, count, acc, width);
  for (; c < width; c += kLanes) add_weighted_tile<R, 1>(w, x, c, count, acc, width);
}

// acc[r] += sum_j w(r, j) x(j) over `count` >= 1 rows of x, for `rows` rows of acc, `width` floats
// each, a multiple of kLanes.
template <class Values>
static inline void add_weighted(int64_t rows, Weights w, const Values& x, int64_t count, float* acc, int64_t width) {
  for (; rows >= kGroup; rows -= kGroup) {
    add_weighted_rows<kGroup>(w, x, count, acc, width);
    w.p += kGroup * w.row;
    acc += kGroup * width;
  }
  switch (rows) {
    case 5: add_weighted_rows<5>(w, x, count, acc, width); break;
    case 4: add_weighted_rows<4>(w, x, count, acc, width); break;
    case 3: add_weighted_rows<3>(w, x, count, acc, width); break;
    case 2: add_weighted_rows<2>(w, x, count, acc, width); break;
    case 1: add_weighted_rows<1>(w, x, count, acc, width); break;
    default: break;
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
