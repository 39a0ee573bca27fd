// dw[n, k] += sum over m of dy[m, n] x[m, k]: the product with A = dy transposed and B = x, cut into
// slices in the thread's scratch: dy for a chain, x panel by panel.
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

// Of one unit, whose thread's scratch holds dy of a chain and one panel of x.
constexpr int64_t kOuterTiles = 48;
static_assert((kOuterTiles * kSliceStride<kTileRows> + kSliceStride<kPanel>)*4 <= kScratchBytes, "scratch");

// Units of an outer product: like parts of its tiles and panels, as large and as square as give every thread two.
struct OuterUnits {
  int64_t n, k;
  int64_t count() const { return n * k; }
};

SPAR_INLINE OuterUnits outer_units(const OuterProduct& g, int64_t threads) {
  const int64_t tiles = ceil_div(g.n, kTileRows), panels = panel_count(g.k);
  OuterUnits u = {ceil_div(tiles, kOuterTiles), 1};
  while (threads > 1 && (u.count() < 2 * threads || u.count() % threads != 0)) {
    const bool wide = panels * kPanel * u.n > tiles * kTileRows * u.k;
    if (wide && panels > 4 * u.k)
      u.k++;
    else if (tiles > 4 * u.n)
      u.n++;
    else
      break;
  }
  return u;
}

// Rows between the one that is cut and the one that is fetched.
constexpr int64_t kCutAhead = 2;

// One row. `later` is fetched, and so are the lines that the next row is cut to: scratch leaves the second cache
// between two calls, and a store waits for its line.
template <int kSlice, bool kBf16>
SPAR_INLINE void cut_row(const float* from, const float* later, int64_t count, float* to) {
  for (int64_t i = 0; i < count; i += kSlice, to += kSliceStride<kSlice>)
#pragma GCC unroll 4
    for (int64_t v = 0; v < kSlice; v += kLanes) {
      const int64_t left = count - i - v;
      if (left <= 0) break;
      if (v % kLine == 0) {
        __builtin_prefetch(later + i + v);
        __builtin_prefetch(to + kSlice + v, 1);
      }
      const vf x = load_part(from + i + v, static_cast<int>(at_most(left, kLanes)));
      store(to + v, kBf16 ? round_bf16(x) : x);
    }
}

// from[p * stride + i], i < count, as slices of kSlice neighbours: slice s of depth p lies at
// to[s kSliceStride + p kSlice]. What lies past the end is not looked at.
template <int kSlice>
SPAR_INLINE void cut_slices(const float* from, int64_t stride, int64_t depth, int64_t count, bool bf16, float* to) {
  for (int64_t p = 0; p < depth; p++, from += stride, to += kSlice) {
    const float* later = from + at_most(kCutAhead, depth - 1 - p) * stride;
    bf16 ? cut_row<kSlice, true>(from, later, count, to) : cut_row<kSlice, false>(from, later, count, to);
  }
}

// `rows` rows of a matrix, `width` floats of each, brought near by several tiles of so many depths.
struct RowsLater {
  const float* from;
  int64_t stride, rows, columns;  // columns of runs
  int run_bits, shift;
  int64_t runs;  // of a tile

  RowsLater(const float* from, int64_t stride, int64_t rows, int64_t width, int run_bits, int64_t tiles, int64_t depth)
      : from(from),
        stride(stride),
        rows(rows),
        columns(ceil_div(width, kLine << run_bits)),
        run_bits(run_bits),
        shift(shift_of(rows * columns << run_bits, tiles, depth)),
        runs(lines_of(depth, shift) >> run_bits) {}

  // The share of tile i; nothing new when the rows are through.
  SPAR_INLINE_MEMBER Later share(int64_t i) const {
    const int64_t run = i * runs;
    if (run >= rows * columns) return {from, 0, run_bits, shift};
    return {from + run % rows * stride + run / rows * (kLine << run_bits), stride, run_bits, shift};
  }
};

// Bits of the lines in a run: of a panel's row of x, and of dy.
constexpr int kPanelRun = kPanel > kLine ? 1 : 0, kRowRun = 4;

// One panel of dw in a chain: dw[height, columns] += a^T b.
struct OuterPanel {
  const float *a, *b;
  int64_t depth, height;
  float* dw;
  int64_t dw_stride, columns;
};

// Passes the panel by all tiles. Every second one fetches from `panel`, the others from `chain`, of which `before`
// tiles have had their shares.
SPAR_INLINE void outer_panel(const OuterPanel& g, const RowsLater& panel, const RowsLater& chain, int64_t before) {
  for (int64_t row = 0, i = 0; row < g.height; row += kTileRows, i++) {
    float* c = g.dw + row * g.dw_stride;
    const float* next_c = row + kTileRows < g.height ? c + kTileRows * g.dw_stride : g.dw + kPanel;
    const Later later = i % 2 == 0 ? panel.share(i / 2) : chain.share(before + i / 2);
    tile<kTileRows, 1, false, Source::kOuter>(
        {g.a + i * kSliceStride<kTileRows>, reinterpret_cast<const uint32_t*>(g.b), 0, g.depth, c, g.dw_stride, c,
         g.dw_stride, g.columns, next_c, later},
        static_cast<int>(at_most(g.height - row, kTileRows)));
  }
}

SPAR_INLINE void outer_unit(const OuterProduct& g, const OuterUnits& units, int64_t unit, float* scratch) {
  const int64_t all_tiles = ceil_div(g.n, kTileRows), panels = panel_count(g.k);
  const int64_t i = unit % units.n, j = unit / units.n;
  const int64_t n0 = all_tiles * i / units.n * kTileRows, n1 = at_most(all_tiles * (i + 1) / units.n * kTileRows, g.n);
  const int64_t k0 = panels * j / units.k * kPanel, k1 = at_most(panels * (j + 1) / units.k * kPanel, g.k);
  const int64_t tiles = ceil_div(n1 - n0, kTileRows);
  float* a = scratch;
  float* b = scratch + kOuterTiles * kSliceStride<kTileRows>;
  for (int64_t first = 0; first < g.rows; first += kChain) {
    const int64_t depth = chain_depth(g.rows, first), left = chain_depth(g.rows, first + depth);
    const float *dy = g.dy + first * g.dy_stride + n0, *x = g.x + first * g.x_stride;
    const RowsLater chain(dy + depth * g.dy_stride, g.dy_stride, left, n1 - n0, kRowRun,
                          panel_count(k1 - k0) * (tiles / 2), depth);
    cut_slices<kTileRows>(dy, g.dy_stride, depth, n1 - n0, g.bf16, a);
    for (int64_t k = k0; k < k1; k += kPanel) {
      const bool last = k + kPanel >= k1;
      const RowsLater panel(last ? x + depth * g.x_stride + k0 : x + k + kPanel, g.x_stride, last ? left : depth,
                            kPanel, kPanelRun, (tiles + 1) / 2, depth);
      const int64_t columns = at_most(k1 - k, kPanel);
      cut_slices<kPanel>(x + k, g.x_stride, depth, columns, g.bf16, b);
      outer_panel({a, b, depth, n1 - n0, g.dw + n0 * g.dw_stride + k, g.dw_stride, columns}, panel, chain,
                  (k - k0) / kPanel * (tiles / 2));
    }
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
