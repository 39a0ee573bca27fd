// dw[n, k] += sum over m of dy[m, n] x[m, k]: the product with A = dy transposed and B = x, both cut
// into slices in the thread's scratch.
#pragma once
#include "backends/cpu/bf16_vec.h"
#include "backends/cpu/gemm/tile.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {

struct OuterProduct {
  const float* dy;
  int64_t dy_stride;
  const float* x;
  int64_t x_stride;
  float* dw;
  int64_t dw_stride;
  int64_t rows, n, k;
  bool bf16;  // dy and x are rounded
};

// Floats from slice to slice: the last depth may write a vector past its end.
template <int kSlice>
constexpr int64_t kSliceStride = kChain* kSlice + 16;

// Of one unit: dy and x of a chain fill the thread's scratch.
constexpr int64_t kOuterTiles = 16, kOuterPanels = 384 / kPanel;
static_assert((kOuterTiles * kSliceStride<kTileRows> + kOuterPanels * kSliceStride<kPanel>)*4 <= kScratchBytes,
              "scratch");

// Units of an outer product: like parts of its tiles and panels.
struct OuterUnits {
  int64_t n, k;
  int64_t count() const { return n * k; }
};

SPAR_INLINE OuterUnits outer_units(const OuterProduct& g, int64_t threads) {
  const int64_t tiles = (g.n + kTileRows - 1) / kTileRows, panels = panel_count(g.k);
  OuterUnits u = {(tiles + kOuterTiles - 1) / kOuterTiles, (panels + kOuterPanels - 1) / kOuterPanels};
  while (threads > 1 && u.count() < 4 * threads && tiles > 4 * u.n) u.n *= 2;
  while (threads > 1 && u.count() < 4 * threads && panels > 4 * u.k) u.k *= 2;
  return u;
}

template <int kSlice, bool kBf16>
SPAR_INLINE void cut_slices(const float* from, int64_t stride, int64_t depth, int64_t count, float* to) {
  constexpr int kWords = (kSlice + kLanes - 1) / kLanes * kLanes;  // written for a depth
  for (int64_t p = 0; p < depth; p++) {
    const float* in = from + p * stride;
    float* out = to + p * kSlice;
    int64_t i = 0;
    for (; i + kWords <= count; i += kSlice, out += kSliceStride<kSlice>)
#pragma GCC unroll 4
      for (int v = 0; v < kWords; v += kLanes) {
        const vf x = load(in + i + v);
        store(out + v, kBf16 ? round_bf16(x) : x);
      }
    for (; i < count; i += kSlice, out += kSliceStride<kSlice>)
#pragma GCC unroll 4
      for (int v = 0; v < kWords; v += kLanes) {
        const int64_t left = count - i - v;
        if (left <= 0) break;
        const vf x = load_part(in + i + v, static_cast<int>(left < kLanes ? left : kLanes));
        store(out + v, kBf16 ? round_bf16(x) : x);
      }
  }
}

// from[p * stride + i], i < count, as slices of kSlice neighbours: slice s of depth p lies at
// to[s kSliceStride + p kSlice]. What lies past the end is not looked at.
template <int kSlice>
SPAR_INLINE void cut_slices(const float* from, int64_t stride, int64_t depth, int64_t count, bool bf16, float* to) {
  bf16 ? cut_slices<kSlice, true>(from, stride, depth, count, to)
       : cut_slices<kSlice, false>(from, stride, depth, count, to);
}

// Gives the i-th tile of a chain its share of the next one's rows, which begin at `first`: runs of dy
// from column n0 on, then runs of x from k0 on, then the second runs of x.
SPAR_INLINE void fetch_rows(const OuterProduct& g, int64_t first, int64_t n0, int64_t k0, int64_t i, Tile& t) {
  constexpr int64_t tiles = kRunLines;  // that fetch one run of each of kChain rows
  t.next = t.a;
  if (first >= g.rows || i >= 3 * tiles) return;
  const int64_t row = first + i % tiles * kChain / tiles;
  t.next_stride = i < tiles ? g.dy_stride : g.x_stride;
  t.next =
      i < tiles ? g.dy + row * g.dy_stride + n0 : g.x + row * g.x_stride + k0 + (i / tiles - 1) * kRunLines * kLine;
}

SPAR_INLINE void outer_unit(const OuterProduct& g, const OuterUnits& units, int64_t unit, float* scratch) {
  const int64_t tiles = (g.n + kTileRows - 1) / kTileRows, panels = panel_count(g.k);
  const int64_t i = unit % units.n, j = unit / units.n;
  const int64_t n0 = tiles * i / units.n * kTileRows, n_end = tiles * (i + 1) / units.n * kTileRows;
  const int64_t k0 = panels * j / units.k * kPanel, k_end = panels * (j + 1) / units.k * kPanel;
  const int64_t num_n = (n_end < g.n ? n_end : g.n) - n0, num_k = (k_end < g.k ? k_end : g.k) - k0;
  float* a = scratch;
  float* b = scratch + kOuterTiles * kSliceStride<kTileRows>;
  for (int64_t first = 0; first < g.rows; first += kChain) {
    const int64_t depth = g.rows - first < kChain ? g.rows - first : kChain;
    cut_slices<kTileRows>(g.dy + first * g.dy_stride + n0, g.dy_stride, depth, num_n, g.bf16, a);
    cut_slices<kPanel>(g.x + first * g.x_stride + k0, g.x_stride, depth, num_k, g.bf16, b);
    for (int64_t n = 0; n < num_n; n += kTileRows) {
      const int height = static_cast<int>(num_n - n < kTileRows ? num_n - n : kTileRows);
      for (int64_t k = 0; k < num_k; k += kPanel) {
        float* c = g.dw + (n0 + n) * g.dw_stride + k0 + k;
        const float* words = b + k / kPanel * kSliceStride<kPanel>;
        Tile t = {a + n / kTileRows * kSliceStride<kTileRows>,
                  reinterpret_cast<const uint32_t*>(words),
                  0,
                  depth,
                  c,
                  g.dw_stride,
                  c,
                  g.dw_stride,
                  num_k - k < kPanel ? num_k - k : kPanel};
        fetch_rows(g, first + kChain, n0, k0, n / kTileRows * ((num_k + kPanel - 1) / kPanel) + k / kPanel, t);
        tile<kTileRows, 1, false, Source::kOuter>(t, height);
      }
    }
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
