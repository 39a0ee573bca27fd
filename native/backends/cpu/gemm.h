// The matrix product of the CPU kernels: C[rows, columns] = base + A[rows, depth] B[depth, columns].
// B lies in panels of kPanel columns; A is read in place. All of linear and head is this product.
//
// Sums are taken in the order that linear/op.h states: chains of kChain depths from 0, added to
// the base in ascending order. Tiles, panels and threads do not enter.
#pragma once
#include <cstdint>

#include "backends/cpu/gemm/panels.h"
#include "backends/cpu/rows.h"
#include "backends/cpu/vec_bf16.h"
#include "core/exec.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kChain = kSumChain;

// Tile of C held in registers: kTileRows x kPanel. 24 of 32 vector registers with AVX-512, 12 of
// 16 with AVX2, 8 of 16 in the base family, which needs one more for the product.
#if defined(__AVX512F__)
constexpr int kTileRows = 8;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 4;
#endif

// Depths between the words in use and those fetched for later: into the first cache always, into
// the second when nothing else brings the panel there. Measured on Sapphire Rapids: without them a
// product of 512 rows loses 5 % and decode of 8 rows reads 10 of 28 GB/s.
constexpr int64_t kNear = 16, kFar = 64;

// Where the tile's panel comes from: kMemory, read now for the first and only time; kCache, read
// before by another tile, so that there is time to fetch the next panel; kScratch, copied just now.
enum class Source { kMemory, kCache, kScratch };

// One tile: `rows` x `columns` of C, columns <= P kPanel.
struct Tile {
  const float* a;
  int64_t a_stride;  // from row to row, or from depth to depth when A is transposed
  const uint32_t* b;
  int64_t b_stride;
  int64_t depth;  // <= kChain
  float* c;
  int64_t c_stride;
  const float* base;  // NULL: zero
  int64_t base_stride;
  int64_t columns;
  const uint32_t* next;  // kCache: words to fetch, one cache line a depth
};

template <int R, int V, bool kTransposed>
SPAR_INLINE void multiply_add(vf (&acc)[R][V], const float* a, int64_t a_stride, const vf (&b)[V]) {
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    const vf x = splat(kTransposed ? a[r] : a[r * a_stride]);
#pragma GCC unroll 16
    for (int v = 0; v < V; v++) acc[r][v] = fma(x, b[v], acc[r][v]);
  }
}

// base + acc into C. The last vectors may stick out over the columns.
template <int R, int V>
SPAR_INLINE void finish_tile(const vf (&acc)[R][V], const Tile& t) {
  if (t.columns == V * kLanes) {
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      float* c = t.c + r * t.c_stride;
      const float* base = t.base ? t.base + r * t.base_stride : nullptr;
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) store(c + v * kLanes, base ? load(base + v * kLanes) + acc[r][v] : acc[r][v]);
    }
    return;
  }
  float whole[V * kLanes];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 16
    for (int v = 0; v < V; v++) store(whole + v * kLanes, acc[r][v]);
    for (int64_t i = 0; i < t.columns; i++)
      t.c[r * t.c_stride + i] = t.base ? t.base[r * t.base_stride + i] + whole[i] : whole[i];
  }
}

// Fetches what the tile, or the one after it, will read soon. words are those of depth p.
template <int V, Source kSource>
SPAR_INLINE void fetch(const uint32_t* words, int64_t b_stride, const uint32_t* next) {
#pragma GCC unroll 16
  for (int v = 0; v < V; v++) {
    const uint32_t* at = words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes;
    if (v * kLanes % 16 != 0) continue;  // one cache line holds 16 words
    __builtin_prefetch(at + kNear * kPanel, 0, 3);
    if (kSource == Source::kMemory) __builtin_prefetch(at + kFar * kPanel, 0, 2);
  }
  if (kSource == Source::kCache) __builtin_prefetch(next, 0, 2);
}

// R rows of C and P neighbouring panels. A[r, p] is a[r a_stride + p], or a[r + p a_stride] when
// the source is kScratch.
template <int R, int P, bool kBf16, Source kSource>
__attribute__((noinline)) void tile(const Tile& t) {
  constexpr bool kTransposed = kSource == Source::kScratch;
  constexpr int V = P * kPanelVectors;
  vf acc[R][V] = {};
  vf b[V];
  const float* a = t.a;
  const uint32_t *words = t.b, *next = t.next;
  const int64_t a_stride = t.a_stride, b_stride = t.b_stride, depth = t.depth, step = kTransposed ? a_stride : 1;
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 16
    for (int v = 0; v < V; v++) __builtin_prefetch(t.c + r * t.c_stride + v * kLanes, 1);
  if (!kBf16) {
    for (int64_t p = 0; p < depth; p++) {
      fetch<V, kSource>(words, b_stride, next);
      if (kSource == Source::kCache) next += 16;
#pragma GCC unroll 16
      for (int v = 0; v < V; v++)
        std::memcpy(&b[v], words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes, sizeof(vf));
      multiply_add<R, V, kTransposed>(acc, a, a_stride, b);
      words += kPanel;
      a += step;
    }
  } else {
    for (int64_t p = 0; p < depth; p += 2) {
      fetch<V, kSource>(words, b_stride, next);
      if (kSource == Source::kCache) next += 16;
      vi pair[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) {
        std::memcpy(&pair[v], words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes, sizeof(vi));
        b[v] = (vf)(pair[v] << 16);
      }
      multiply_add<R, V, kTransposed>(acc, a, a_stride, b);
      if (p + 1 == depth) break;
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) b[v] = (vf)(pair[v] & (vi{} - 0x10000));
      multiply_add<R, V, kTransposed>(acc, a + step, a_stride, b);
      words += kPanel;
      a += 2 * step;
    }
  }
  finish_tile<R, V>(acc, t);
}

// The tile of the given number of rows, 1..R.
template <int R, int P, bool kBf16, Source kSource>
SPAR_INLINE void tile_of(int rows, const Tile& t) {
  if (rows == R) return tile<R, P, kBf16, kSource>(t);
  if constexpr (R > 1) tile_of<R - 1, P, kBf16, kSource>(rows, t);
}

// C[rows, columns] = base + A[rows, depth] B, rows of A contiguous.
struct Product {
  const float* a;
  int64_t a_stride;
  Panels b;
  float* c;
  int64_t c_stride;
  const float* base;  // NULL: zero; may be c; stride 0: one row for all (a bias)
  int64_t base_stride;
  int64_t rows, columns, depth;
};

// Rows [row0, row1) and panels [panel0, panel1) of one chain, P panels at a time.
// a: A from row0 and depth `first` on.
template <int P, bool kBf16>
SPAR_INLINE void chain_panels(const Product& g, const float* a, int64_t a_stride, int64_t first, int64_t row0,
                              int64_t row1, int64_t panel, int tiles) {
  const int64_t depth = g.depth - first < kChain ? g.depth - first : kChain, column = panel * kPanel;
  const int64_t columns = g.columns - column < P * kPanel ? g.columns - column : P * kPanel;
  const bool start = first == 0;
  const float* base = start ? g.base : g.c;
  const int64_t base_stride = start ? g.base_stride : g.c_stride;
  const Panels b = panels_from(g.b, first);
  const int64_t lines = b.bf16 ? depth / 2 : depth;  // fetched by one tile
  int64_t row = row0;
  for (int i = 0; i < tiles; i++) {
    const int64_t rows = (row1 - row) / (tiles - i);
    // The first tiles fetch the next panel between them, the others have nothing left to fetch.
    const int64_t slice = i * lines * 16 < lines * kPanel ? i * lines * 16 : 0;
    const Tile t = {a + (row - row0) * a_stride,
                    a_stride,
                    b.words + panel * b.stride,
                    b.stride,
                    depth,
                    g.c + row * g.c_stride + column,
                    g.c_stride,
                    base ? base + row * base_stride + column : nullptr,
                    base_stride,
                    columns,
                    b.words + (panel + 1) * b.stride + slice};
    if (P > 1 || tiles == 1)
      tile_of<kTileRows / P, P, kBf16, Source::kMemory>(static_cast<int>(rows), t);
    else
      tile_of<kTileRows, 1, kBf16, Source::kCache>(static_cast<int>(rows), t);
    row += rows;
  }
}

// Rows of A as bf16 precision takes them: row r at to[r kChain].
SPAR_INLINE void round_rows(const float* a, int64_t a_stride, int64_t rows, int64_t depth, float* to) {
  for (int64_t r = 0; r < rows; r++)
    each_vector(depth, [&](int64_t p, int n) {
      store_part(to + r * kChain + p, round_bf16(load_part(a + r * a_stride + p, n)), n);
    });
}

// Few rows leave registers free: several panels at once give the multiply-adds of one row enough
// independent chains, and memory several streams.
template <bool kBf16>
SPAR_INLINE void product_block_of(const Product& g, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1,
                                  float* scratch) {
  const int64_t rows = row1 - row0, a_stride = kBf16 ? kChain : g.a_stride;
  const int tiles = static_cast<int>((rows + kTileRows - 1) / kTileRows);
  for (int64_t first = 0; first < g.depth; first += kChain) {
    int64_t panel = panel0;
    const float* a = g.a + row0 * g.a_stride + first;
    if (kBf16) {
      round_rows(a, g.a_stride, rows, g.depth - first < kChain ? g.depth - first : kChain, scratch);
      a = scratch;
    }
    if (rows * 4 <= kTileRows)
      for (; panel + 4 <= panel1; panel += 4) chain_panels<4, kBf16>(g, a, a_stride, first, row0, row1, panel, 1);
    if (rows * 2 <= kTileRows)
      for (; panel + 2 <= panel1; panel += 2) chain_panels<2, kBf16>(g, a, a_stride, first, row0, row1, panel, 1);
    for (; panel < panel1; panel++) chain_panels<1, kBf16>(g, a, a_stride, first, row0, row1, panel, tiles);
  }
}

// One block of a product, the work of one thread.
SPAR_INLINE void product_block(const Product& g, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1,
                               float* scratch) {
  if (g.b.bf16) return product_block_of<true>(g, row0, row1, panel0, panel1, scratch);
  product_block_of<false>(g, row0, row1, panel0, panel1, scratch);
}

// How a product is cut into blocks for threads: by shape only. Blocks want to be large, so that a
// panel read from memory serves many rows, yet many enough for 64 threads.
struct Blocks {
  int64_t rows, panels;  // of a block
  int64_t row_blocks, panel_blocks;
  int64_t count() const { return row_blocks * panel_blocks; }
};

SPAR_INLINE Blocks blocks_of(int64_t rows, int64_t columns) {
  constexpr int64_t enough = 64;
  const int64_t panels = panel_count(columns);
  Blocks b = {16 * kTileRows, 4, 0, 0};
  for (;;) {
    b.row_blocks = (rows + b.rows - 1) / b.rows;
    b.panel_blocks = (panels + b.panels - 1) / b.panels;
    if (b.count() >= enough) break;
    if (b.rows > 4 * kTileRows && rows > b.rows / 2)
      b.rows /= 2;
    else if (b.panels > 2)
      b.panels /= 2;
    else
      break;
  }
  if (b.row_blocks) b.rows = (rows + b.row_blocks - 1) / b.row_blocks;
  return b;
}

// Calls done(row0, row1, panel0, panel1) after each block of the product, on the block's thread.
// Neighbouring units share panels, so that threads read the same part of B at the same time.
template <class Threads, class Done>
SPAR_INLINE void product(Threads& threads, const Product& g, Done&& done) {
  const Blocks blocks = blocks_of(g.rows, g.columns);
  const int64_t panels = panel_count(g.columns);
  threads.parallel(blocks.count(), [&](int64_t unit, int32_t thread) {
    const int64_t row0 = unit % blocks.row_blocks * blocks.rows, panel0 = unit / blocks.row_blocks * blocks.panels;
    const int64_t row1 = row0 + blocks.rows < g.rows ? row0 + blocks.rows : g.rows;
    const int64_t panel1 = panel0 + blocks.panels < panels ? panel0 + blocks.panels : panels;
    product_block(g, row0, row1, panel0, panel1, threads.scratch(thread));
    done(row0, row1, panel0, panel1);
  });
}

// dw[n, k] += sum over m of dy[m, n] x[m, k]: the product with A = dy transposed and B = x, both
// copied tile by tile into the thread's scratch, where their rows are close together.
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

constexpr int64_t kOuterRows = 24 * kTileRows, kOuterPanels = 192 / kPanel;

SPAR_INLINE int64_t outer_units(int64_t n, int64_t k) {
  const int64_t width = kOuterPanels * kPanel;
  return ((n + kOuterRows - 1) / kOuterRows) * ((k + width - 1) / width);
}

// from[p * stride + i], i < count, as slices of kSlice neighbours, zero past the end: slice s of
// depth p lies at to[(s * depth + p) * kSlice]. Depths are taken in runs that stay in the first
// cache while their slices are cut.
template <int kSlice>
SPAR_INLINE void pack_slices(const float* from, int64_t stride, int64_t depth, int64_t count, bool bf16, float* to) {
  constexpr int64_t run = 16;
  for (int64_t p0 = 0; p0 < depth; p0 += run) {
    const int64_t p1 = p0 + run < depth ? p0 + run : depth;
    for (int64_t first = 0; first < count; first += kSlice) {
      const int64_t valid = count - first < kSlice ? count - first : kSlice;
      for (int64_t p = p0; p < p1; p++) {
        float* out = to + first * depth + p * kSlice;
        const float* in = from + p * stride + first;
        if (valid == kSlice) {
          std::memcpy(out, in, kSlice * 4);
          continue;
        }
        for (int64_t i = 0; i < kSlice; i++) out[i] = i < valid ? in[i] : 0;
      }
    }
  }
  if (!bf16) return;
  const int64_t floats = (count + kSlice - 1) / kSlice * kSlice * depth;
  each_vector(floats, [&](int64_t i, int n) { store_part(to + i, round_bf16(load_part(to + i, n)), n); });
}

SPAR_INLINE void outer_unit(const OuterProduct& g, int64_t unit, float* scratch) {
  const int64_t width = kOuterPanels * kPanel, row_units = (g.n + kOuterRows - 1) / kOuterRows;
  const int64_t n0 = unit % row_units * kOuterRows, k0 = unit / row_units * width;
  const int64_t num_n = g.n - n0 < kOuterRows ? g.n - n0 : kOuterRows;
  const int64_t num_k = g.k - k0 < width ? g.k - k0 : width;
  float* a = scratch;
  float* b = scratch + kOuterRows * kChain;
  for (int64_t first = 0; first < g.rows; first += kChain) {
    const int64_t depth = g.rows - first < kChain ? g.rows - first : kChain;
    pack_slices<kTileRows>(g.dy + first * g.dy_stride + n0, g.dy_stride, depth, num_n, g.bf16, a);
    pack_slices<kPanel>(g.x + first * g.x_stride + k0, g.x_stride, depth, num_k, g.bf16, b);
    for (int64_t k = 0; k < num_k; k += kPanel) {
      for (int64_t n = 0; n < num_n; n += kTileRows) {
        float* c = g.dw + (n0 + n) * g.dw_stride + k0 + k;
        const Tile t = {a + n * depth,
                        kTileRows,
                        reinterpret_cast<const uint32_t*>(b + k * depth),
                        0,
                        depth,
                        c,
                        g.dw_stride,
                        c,
                        g.dw_stride,
                        num_k - k < kPanel ? num_k - k : kPanel,
                        nullptr};
        tile_of<kTileRows, 1, false, Source::kScratch>(static_cast<int>(num_n - n < kTileRows ? num_n - n : kTileRows),
                                                       t);
      }
    }
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
