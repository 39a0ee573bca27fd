// C[rows, columns] = base + A[rows, depth] B, A by rows and B in panels. A block of C is the work of
// one thread. It copies its rows of A into the thread's scratch chain by chain (rounded in bf16
// precision); a panel stays in the first cache while they pass from the second. With one tile of
// rows it is the rows that stay, and the panels that pass from memory.
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

// Of a block with more than one tile. The thread's scratch holds its rows of a chain and a widened panel.
constexpr int64_t kBlockTiles = 16, kBlockPanels = 32;
static_assert((kBlockTiles * kTileRows * kRowStride + kPanel * kChain) * 4 <= kScratchBytes, "scratch");

// Rows and depths of a block with one tile: A of the whole depth is copied first, if it fits.
constexpr int64_t kSpan = kScratchBytes / 4 / 2 / (kTileRows * kRowStride) * kChain;

// Rows of A of one chain: row r at to[r kRowStride]. kRowsAhead later ones are fetched meanwhile.
constexpr int64_t kRowsAhead = 3;
SPAR_INLINE void copy_rows(const float* a, int64_t a_stride, int64_t rows, int64_t depth, bool bf16, float* to) {
  for (int64_t r = 0; r < rows; r++) {
    const float* from = a + r * a_stride;
    const float* later = r + kRowsAhead < rows ? from + kRowsAhead * a_stride : from;
    float* out = to + r * kRowStride;
    each_vector(depth, [&](int64_t p, int n) {
      __builtin_prefetch(later + p);
      const vf x = load_part(from + p, n);
      store_part(out + p, bf16 ? round_bf16(x) : x, n);
    });
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
          left < panels * kPanel ? left : panels * kPanel,
          g.c + row * g.c_stride + column,
          {}};
}

// So many tiles pay for widening a panel of bf16 beforehand; fewer widen it in registers.
constexpr int64_t kWidenTiles = 4;

// Several tiles of rows: chain by chain and panel by panel, which stays in the first cache while the tiles pass.
// Meanwhile the next panel comes into the second; at a chain's end it is the first of the next chain.
template <bool kBf16>
SPAR_INLINE void many_tiles(const Product& g, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1,
                            float* scratch) {
  const int64_t rows = row1 - row0, tiles = ceil_div(rows, kTileRows);
  const bool widen = kBf16 && tiles >= kWidenTiles;
  float* widened = scratch + kBlockTiles * kTileRows * kRowStride;
  for (int64_t first = 0; first < g.depth; first += kChain) {
    const int64_t depth = chain_depth(g.depth, first), words = panel_words(depth, kBf16), lines = words / kLine;
    const int shift = shift_of(lines, tiles, depth);
    const Panels from = panels_from(g.b, first);
    copy_rows(g.a + row0 * g.a_stride + first, g.a_stride, rows, depth, kBf16, scratch);
    for (int64_t panel = panel0; panel < panel1; panel++) {
      const uint32_t* b = from.words + panel * from.stride;
      const uint32_t* later = panel + 1 < panel1 ? b + from.stride : from.words + panel0 * from.stride + words;
      if (widen) {
        widen_panel(b, depth, widened);
        b = reinterpret_cast<const uint32_t*>(widened);
      }
      int64_t row = 0;
      for (int64_t i = 0; i < tiles; i++) {
        const int height = static_cast<int>((rows - row) / (tiles - i));
        const float* a = scratch + row * kRowStride;
        Tile t = tile_at(g, a, b, 0, first, row0 + row, panel, 1);
        row += height;
        t.later = {reinterpret_cast<const float*>(later) + i * lines_of(depth, shift) * kLine, kLine, 0, shift};
        widen ? tile_of<kTileRows, 1, false, Source::kCache>(height, t)
              : tile_of<kTileRows, 1, kBf16, Source::kCache>(height, t);
      }
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

// How a product is cut into blocks: as large ones as give every thread two of them, for a block copies its rows of A
// and its panels come from memory once for all its tiles. Bits do not depend on the cut.
struct Blocks {
  int64_t row_blocks, panel_blocks;
  int64_t count() const { return row_blocks * panel_blocks; }
};

SPAR_INLINE Blocks blocks_of(int64_t tiles, int64_t panels, int64_t threads) {
  const int64_t enough = threads == 1 ? 1 : 2 * threads;
  Blocks b = {ceil_div(tiles, kBlockTiles), ceil_div(panels, tiles == 1 ? 4 * kBlockPanels : kBlockPanels)};
  while (b.count() < enough) {
    if (panels > 20 * b.panel_blocks)
      b.panel_blocks *= 2;
    else if (tiles > 4 * b.row_blocks)
      b.row_blocks *= 2;
    else if (panels > 4 * b.panel_blocks)
      b.panel_blocks *= 2;
    else
      break;
  }
  while (b.count() % threads != 0 && panels > 4 * b.panel_blocks) b.panel_blocks++;
  return b;
}

// Calls done(row0, row1, panel0, panel1) after each block of the product, on the block's thread.
// Neighbouring units share panels, so that threads read the same part of B at the same time.
template <class Threads, class Done>
SPAR_INLINE void product(Threads& threads, const Product& g, Done&& done) {
  const int64_t panels = panel_count(g.columns), tiles = ceil_div(g.rows, kTileRows);
  const Blocks blocks = blocks_of(tiles, panels, threads.size());
  threads.parallel(blocks.count(), [&](int64_t unit, int32_t thread) {
    const int64_t row = unit % blocks.row_blocks, panel = unit / blocks.row_blocks;
    auto row_at = [&](int64_t i) {
      const int64_t at = tiles * i / blocks.row_blocks * kTileRows;
      return at < g.rows ? at : g.rows;
    };
    const int64_t row0 = row_at(row), row1 = row_at(row + 1);
    // One tile of rows takes panels by pairs, so it is cut at even panels but for the last.
    auto panel_at = [&](int64_t i) {
      const int64_t at = panels * i / blocks.panel_blocks;
      return tiles == 1 && at < panels ? at & ~1 : at;
    };
    const int64_t panel0 = panel_at(panel), panel1 = panel_at(panel + 1);
    product_block(g, row0, row1, panel0, panel1, threads.scratch(thread));
    done(row0, row1, panel0, panel1);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
