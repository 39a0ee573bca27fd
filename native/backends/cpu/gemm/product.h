// C[rows, columns] = base + A[rows, depth] B, A by rows and B in panels. A block of C is the work of
// one thread. It copies its rows of A into the thread's scratch chain by chain (rounded in bf16
// precision), so that a tile's rows stay in the first cache while panels pass from the second.
#pragma once
#include "backends/cpu/bf16_vec.h"
#include "backends/cpu/gemm/tile.h"
#include "backends/cpu/rows.h"
#include "core/exec.h"

namespace spar {
namespace SPAR_ISA_NS {

struct Product {
  const float* a;
  int64_t a_stride;
  Panels b;  // bf16: A is rounded too
  float* c;
  int64_t c_stride;
  const float* base;  // NULL: zero; may be c; stride 0: one row for all (a bias)
  int64_t base_stride;
  int64_t rows, columns, depth;
};

// Of a block with more than one tile. Its rows and panels of a chain fill the first three quarters
// of the thread's scratch.
constexpr int64_t kBlockTiles = 16, kBlockPanels = 256 / kPanel < 16 ? 256 / kPanel : 16;
static_assert((kBlockTiles * kTileRows * kRowStride + kBlockPanels * kPanel * kChain) * 4 <= kScratchBytes, "scratch");

// Rows and depths of a block with one tile: A of the whole depth is copied first, if it fits.
constexpr int64_t kSpan = kScratchBytes / 4 / 2 / (kTileRows * kRowStride) * kChain;

// Rows of A of one chain: row r at to[r kRowStride].
SPAR_INLINE void copy_rows(const float* a, int64_t a_stride, int64_t rows, int64_t depth, bool bf16, float* to) {
  for (int64_t r = 0; r < rows; r++) {
    const float* from = a + r * a_stride;
    float* out = to + r * kRowStride;
    if (bf16)
      each_vector(depth, [&](int64_t p, int n) { store_part(out + p, round_bf16(load_part(from + p, n)), n); });
    else
      each_vector(depth, [&](int64_t p, int n) { store_part(out + p, load_part(from + p, n), n); });
  }
}

// One chain of a panel, widened to fp32.
SPAR_INLINE void widen_panel(const uint32_t* words, int64_t depth, float* to) {
  for (int64_t p = 0; p < depth; p += 2) {
    const uint32_t* from = words + p / 2 * kPanel;
    float* out = to + p * kPanel;
#pragma GCC unroll 2
    for (int v = 0; v < kPanelVectors; v++) {
      __builtin_prefetch(from + v * kLanes + kFar * kPanel, 0, 2);
      vi pair;
      std::memcpy(&pair, from + v * kLanes, sizeof pair);
      store(out + v * kLanes, (vf)(pair << 16));
      if (p + 1 < depth) store(out + kPanel + v * kLanes, (vf)(pair & (vi{} - 0x10000)));
    }
  }
}

SPAR_INLINE int64_t chain_depth(int64_t depth, int64_t first) {
  return depth - first < kChain ? depth - first : kChain;
}

// The tile of C at (row, panel) of the chain from depth `first` on.
SPAR_INLINE Tile tile_at(const Product& g, const float* a, const uint32_t* b, int64_t b_stride, int64_t first,
                         int64_t row, int64_t panel, int64_t panels) {
  const int64_t column = panel * kPanel, left = g.columns - column;
  const float* base = first ? g.c : g.base;
  const int64_t base_stride = first ? g.c_stride : g.base_stride;
  return {a,
          b,
          b_stride,
          chain_depth(g.depth, first),
          g.c + row * g.c_stride + column,
          g.c_stride,
          base ? base + row * base_stride + column : nullptr,
          base_stride,
          left < panels * kPanel ? left : panels * kPanel};
}

// One tile of rows past panels [panel0, panel1) of a chain; panel0 is at b.
template <bool kBf16, Source kSource>
SPAR_INLINE void pass_tile(const Product& g, const float* a, int rows, int64_t first, int64_t row, int64_t panel0,
                           int64_t panel1, const uint32_t* b, int64_t b_stride) {
  for (int64_t panel = panel0; panel < panel1; panel++, b += b_stride)
    tile_of<kTileRows, 1, kBf16, kSource>(rows, tile_at(g, a, b, b_stride, first, row, panel, 1));
}

// So many tiles pay for widening panels of bf16 beforehand; fewer widen them in registers.
constexpr int64_t kWidenTiles = 4;

// Several tiles of rows: chain by chain, each tile past all panels of the block. The first brings
// the panels from memory.
template <bool kBf16>
SPAR_INLINE void many_tiles(const Product& g, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1,
                            float* scratch) {
  const int64_t rows = row1 - row0, tiles = (rows + kTileRows - 1) / kTileRows;
  const bool widen = kBf16 && tiles >= kWidenTiles;
  float* widened = scratch + kBlockTiles * kTileRows * kRowStride;
  for (int64_t first = 0; first < g.depth; first += kChain) {
    const int64_t depth = chain_depth(g.depth, first);
    const Panels from = panels_from(g.b, first);
    const uint32_t* b = from.words + panel0 * from.stride;
    copy_rows(g.a + row0 * g.a_stride + first, g.a_stride, rows, depth, kBf16, scratch);
    for (int64_t panel = 0; widen && panel < panel1 - panel0; panel++)
      widen_panel(b + panel * from.stride, depth, widened + panel * kPanel * kChain);
    int64_t row = 0;
    for (int64_t i = 0; i < tiles; i++) {
      const int height = static_cast<int>((rows - row) / (tiles - i));
      const float* a = scratch + row * kRowStride;
      if (widen)
        pass_tile<false, Source::kCache>(g, a, height, first, row0 + row, panel0, panel1,
                                         reinterpret_cast<uint32_t*>(widened), kPanel * kChain);
      else if (i == 0)
        pass_tile<kBf16, Source::kMemory>(g, a, height, first, row0, panel0, panel1, b, from.stride);
      else
        pass_tile<kBf16, Source::kCache>(g, a, height, first, row0 + row, panel0, panel1, b, from.stride);
      row += height;
    }
  }
}

// P panels at a time of one tile, as long as there are so many; the next panel.
template <int P, bool kBf16>
SPAR_INLINE int64_t pass_panels(const Product& g, int64_t row0, int rows, int64_t panel, int64_t panel1, int64_t from,
                                int64_t to, const float* a) {
  for (; panel + P <= panel1; panel += P) {
    for (int64_t first = from; first < to; first += kChain) {
      const Panels b = panels_from(g.b, first);
      const float* rows_of_chain = a + (first - from) / kChain * rows * kRowStride;
      tile_of<kTileRows / P, P, kBf16, Source::kMemory>(
          rows, tile_at(g, rows_of_chain, b.words + panel * b.stride, b.stride, first, row0, panel, P));
    }
  }
  return panel;
}

// One tile of rows: panels are read once, from memory, several at a time where few rows leave
// registers free: more independent sums, and several streams.
template <bool kBf16>
SPAR_INLINE void one_tile(const Product& g, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1,
                          float* scratch) {
  const int rows = static_cast<int>(row1 - row0);
  for (int64_t from = 0; from < g.depth; from += kSpan) {
    const int64_t to = from + kSpan < g.depth ? from + kSpan : g.depth;
    for (int64_t first = from; first < to; first += kChain)
      copy_rows(g.a + row0 * g.a_stride + first, g.a_stride, rows, chain_depth(g.depth, first), kBf16,
                scratch + (first - from) / kChain * rows * kRowStride);
    int64_t panel = panel0;
    if (rows * 4 <= kTileRows) panel = pass_panels<4, kBf16>(g, row0, rows, panel, panel1, from, to, scratch);
    if (rows * 2 <= kTileRows) panel = pass_panels<2, kBf16>(g, row0, rows, panel, panel1, from, to, scratch);
    pass_panels<1, kBf16>(g, row0, rows, panel, panel1, from, to, scratch);
  }
}

// One block of a product, the work of one thread.
SPAR_INLINE void product_block(const Product& g, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1,
                               float* scratch) {
  const bool many = row1 - row0 > kTileRows;
  if (g.b.bf16)
    many ? many_tiles<true>(g, row0, row1, panel0, panel1, scratch)
         : one_tile<true>(g, row0, row1, panel0, panel1, scratch);
  else
    many ? many_tiles<false>(g, row0, row1, panel0, panel1, scratch)
         : one_tile<false>(g, row0, row1, panel0, panel1, scratch);
}

// How a product is cut into blocks: large ones copy less, yet every thread wants several, of like
// size. Bits do not depend on the cut.
struct Blocks {
  int64_t row_blocks, panel_blocks;
  int64_t count() const { return row_blocks * panel_blocks; }
};

SPAR_INLINE int64_t parts(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

SPAR_INLINE Blocks blocks_of(int64_t tiles, int64_t panels, int64_t threads) {
  const int64_t enough = threads == 1 ? 1 : 6 * threads;
  Blocks b = {parts(tiles, kBlockTiles), parts(panels, tiles == 1 ? 4 * kBlockPanels : kBlockPanels)};
  while (b.count() < enough) {
    if (tiles > 4 * b.row_blocks)
      b.row_blocks *= 2;
    else if (panels > 4 * b.panel_blocks)
      b.panel_blocks *= 2;
    else
      break;
  }
  return b;
}

// Calls done(row0, row1, panel0, panel1) after each block of the product, on the block's thread.
// Neighbouring units share panels, so that threads read the same part of B at the same time.
template <class Threads, class Done>
SPAR_INLINE void product(Threads& threads, const Product& g, Done&& done) {
  const int64_t panels = panel_count(g.columns), tiles = parts(g.rows, kTileRows);
  const Blocks blocks = blocks_of(tiles, panels, threads.size());
  threads.parallel(blocks.count(), [&](int64_t unit, int32_t thread) {
    const int64_t row = unit % blocks.row_blocks, panel = unit / blocks.row_blocks;
    auto row_at = [&](int64_t i) {
      const int64_t at = tiles * i / blocks.row_blocks * kTileRows;
      return at < g.rows ? at : g.rows;
    };
    const int64_t row0 = row_at(row), row1 = row_at(row + 1);
    // Cuts at even panels, but for the last: pairs of panels stay together.
    auto panel_at = [&](int64_t i) {
      return i == blocks.panel_blocks ? panels : panels * i / blocks.panel_blocks & ~1;
    };
    const int64_t panel0 = panel_at(panel), panel1 = panel_at(panel + 1);
    product_block(g, row0, row1, panel0, panel1, threads.scratch(thread));
    done(row0, row1, panel0, panel1);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
