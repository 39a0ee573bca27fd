// The innermost loops of the products: a tile of C held in registers while a chain of depths passes.
#pragma once
#include "backends/cpu/gemm/panels.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kChain = kSumChain;

// Rows of a tile: kTileRows x kPanel is 28 of 32 vector registers with AVX-512, 12 of 16 with AVX2,
// 8 of 16 in the base family, which needs one more for the product.
#if defined(__AVX512F__)
constexpr int kTileRows = 14;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 4;
#endif

// A of a tile lies in scratch: rows of a chain one after another, 17 cache lines apart so that they
// share no set of the first cache; or, for the outer product, kTileRows neighbours of each depth.
constexpr int64_t kRowStride = kChain + 16;

// Depths between the words in use and those fetched for later: into the first cache except for the
// outer product, whose slices the hardware follows; into the second when the panel comes from memory.
constexpr int64_t kNear = 16, kFar = 64;

// What the outer product copies for its next chain is brought into the second cache during this one,
// in runs of so many cache lines of so many floats.
constexpr int64_t kLine = 16, kRunLines = 16;

// Only with AVX-512: the narrower tiles have no loads to spare and lose a tenth by it.
#if defined(__AVX512F__)
constexpr bool kFetchNext = true;
#else
constexpr bool kFetchNext = false;
#endif

// kMemory: panels are read now for the first and only time. kCache: they lie in the second cache.
// kOuter: the same, and A lies depth by depth.
enum class Source { kMemory, kCache, kOuter };

// One tile: rows x `columns` of C, columns <= P kPanel.
struct Tile {
  const float* a;
  const uint32_t* b;
  int64_t b_stride;  // words from panel to panel
  int64_t depth;     // <= kChain
  float* c;
  int64_t c_stride;
  const float* base;  // NULL: zero
  int64_t base_stride;
  int64_t columns;
  const float* next = nullptr;  // kOuter: fetched meanwhile, a line a depth, kRunLines to a run
  int64_t next_stride = 0;      // from run to run
};

template <int R, int V, bool kOuter>
SPAR_INLINE void multiply_add(vf (&acc)[R][V], const float* a, const vf (&b)[V]) {
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    const vf x = splat(a[kOuter ? r : r * kRowStride]);
#pragma GCC unroll 16
    for (int v = 0; v < V; v++) acc[r][v] = fma(x, b[v], acc[r][v]);
  }
}

// base + acc into the first `rows` rows of C. The last vectors may stick out over the columns.
template <int R, int V>
SPAR_INLINE void finish_tile(const vf (&acc)[R][V], const Tile& t, int rows) {
  if (rows == R && t.columns == V * kLanes) {
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      float* c = t.c + r * t.c_stride;
      const float* base = t.base ? t.base + r * t.base_stride : nullptr;
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) store(c + v * kLanes, base ? load(base + v * kLanes) + acc[r][v] : acc[r][v]);
    }
    return;
  }
  float whole[R * V * kLanes];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 16
    for (int v = 0; v < V; v++) store(whole + (r * V + v) * kLanes, acc[r][v]);
  for (int r = 0; r < rows; r++)
    for (int64_t i = 0; i < t.columns; i++)
      t.c[r * t.c_stride + i] =
          t.base ? t.base[r * t.base_stride + i] + whole[r * V * kLanes + i] : whole[r * V * kLanes + i];
}

// Fetches what the tile will read soon. words are those of depth p.
template <int V, Source kSource>
SPAR_INLINE void fetch(const uint32_t* words, int64_t b_stride) {
#pragma GCC unroll 16
  for (int v = 0; v < V; v++) {
    const uint32_t* at = words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes;
    if (v * kLanes % 16 != 0) continue;  // one cache line holds 16 words
    if (kSource != Source::kOuter || !kFetchNext) __builtin_prefetch(at + kNear * kPanel, 0, 3);
    if (kSource == Source::kMemory) __builtin_prefetch(at + kFar * kPanel, 0, 2);
  }
}

// Line p of what is fetched for the next chain.
template <Source kSource>
SPAR_INLINE void fetch_next(const Tile& t, int64_t p) {
  if (kSource == Source::kOuter && kFetchNext)
    __builtin_prefetch(t.next + p / kRunLines * t.next_stride + p % kRunLines * kLine, 0, 2);
}

// R rows of C, the first `rows` of which are stored, and P neighbouring panels.
template <int R, int P, bool kBf16, Source kSource>
__attribute__((noinline)) void tile(const Tile& t, int rows) {
  constexpr bool kOuter = kSource == Source::kOuter;
  constexpr int V = P * kPanelVectors, kStep = kOuter ? kTileRows : 1;
  vf acc[R][V] = {};
  vf b[V];
  const float* a = t.a;
  const uint32_t* words = t.b;
  const int64_t b_stride = t.b_stride, depth = t.depth;
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < V; v++)
      if (v * kLanes % 16 == 0) __builtin_prefetch(t.c + r * t.c_stride + v * kLanes, 1);
  if (!kBf16) {
    for (int64_t p = 0; p < depth; p++) {
      fetch<V, kSource>(words, b_stride);
      fetch_next<kSource>(t, p);
#pragma GCC unroll 16
      for (int v = 0; v < V; v++)
        std::memcpy(&b[v], words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes, sizeof(vf));
      multiply_add<R, V, kOuter>(acc, a, b);
      words += kPanel;
      a += kStep;
    }
  } else {
    for (int64_t p = 0; p < depth; p += 2) {
      fetch<V, kSource>(words, b_stride);
      vi pair[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) {
        std::memcpy(&pair[v], words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes, sizeof(vi));
        b[v] = (vf)(pair[v] << 16);
      }
      multiply_add<R, V, kOuter>(acc, a, b);
      if (p + 1 == depth) break;
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) b[v] = (vf)(pair[v] & (vi{} - 0x10000));
      multiply_add<R, V, kOuter>(acc, a + kStep, b);
      words += kPanel;
      a += 2 * kStep;
    }
  }
  finish_tile<R, V>(acc, t, rows);
}

// The tile of the given number of rows, 1..R.
template <int R, int P, bool kBf16, Source kSource>
SPAR_INLINE void tile_of(int rows, const Tile& t) {
  if (rows == R) return tile<R, P, kBf16, kSource>(t, R);
  if constexpr (R > 1) tile_of<R - 1, P, kBf16, kSource>(rows, t);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
