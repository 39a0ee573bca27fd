// The innermost loops of the products: a tile of C held in registers while a chain of depths passes.
#pragma once
#include "backends/cpu/gemm/panels.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kChain = kSumChain;

// Depths of the chain that begins at `first`.
SPAR_INLINE int64_t chain_depth(int64_t depth, int64_t first) { return at_most(depth - first, kChain); }

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

// Words that come from memory are fetched so many depths ahead, into the second cache.
constexpr int64_t kFar = 64;

constexpr int64_t kLine = 16;  // floats of a cache line

// Depths of a round of the loop: one line of C is fetched in each.
constexpr int64_t kRound = 8;

// At most one line for later every kFetchEvery depths: the narrower tiles have few loads to spare. They are spread over
// the tile: lines that come in a burst fill the core's buffers, and it waits.
#if defined(__AVX512F__)
constexpr int64_t kFetchEvery = 1;
#else
constexpr int64_t kFetchEvery = 4;
#endif

// Lines fetched into the second cache while a tile is computed, one every kFetchEvery << shift depths.
struct Later {
  const float* at;
  int64_t stride;  // floats from run to run; a run is 1 << run_bits lines
  int run_bits, shift;
};

// How many lines a tile of so many depths fetches.
SPAR_INLINE int64_t lines_of(int64_t depth, int shift) { return depth / kFetchEvery >> shift; }

// The largest shift with which so many tiles fetch all lines; 0 when they are too few.
SPAR_INLINE int shift_of(int64_t lines, int64_t tiles, int64_t depth) {
  int shift = 0;
  while (shift < 4 && lines_of(depth, shift + 1) * tiles >= lines) shift++;
  return shift;
}

// kMemory: panels are read now for the first and only time. kCache: they lie in a cache. kOuter: the same, and A lies
// depth by depth.
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
  const float* next_c;  // fetched meanwhile: the tile that comes after it, or itself
  Later later;          // not of kMemory
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

// Fetches line i of the tile of C that comes next.
template <int V>
SPAR_INLINE void fetch_c(const Tile& t, int64_t i) {
  constexpr int64_t kLines = V * kLanes > kLine ? V * kLanes / kLine : 1;
  __builtin_prefetch(t.next_c + i / kLines * t.c_stride + i % kLines * kLine, 1);
}

// The line for later of the round that begins at depth p.
SPAR_INLINE const char* later_at(const Later& l, int64_t p) {
  const int64_t line = lines_of(p, l.shift), run = line >> l.run_bits;
  return reinterpret_cast<const char*>(l.at + run * l.stride + (line - (run << l.run_bits)) * kLine);
}

// Fetches the words that come kFar depths after these.
template <int V>
SPAR_INLINE void fetch_far(const uint32_t* words, int64_t b_stride) {
#pragma GCC unroll 16
  for (int v = 0; v < V; v++)
    if (v * kLanes % kLine == 0)
      __builtin_prefetch(words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes + kFar * kPanel, 0, 2);
}

// Words of depth d or, in bf16, of the pair of depths d and d + 1, as they lie.
template <int V, bool kBf16>
SPAR_INLINE void load_words(vi (&b)[V], const uint32_t* words, int64_t b_stride, int64_t d) {
#pragma GCC unroll 16
  for (int v = 0; v < V; v++)
    std::memcpy(&b[v], words + v / kPanelVectors * b_stride + v % kPanelVectors * kLanes + (kBf16 ? d / 2 : d) * kPanel,
                sizeof(vi));
}

template <int V>
SPAR_INLINE void low_halves(vf (&to)[V], const vi (&pair)[V]) {
#pragma GCC unroll 16
  for (int v = 0; v < V; v++) to[v] = (vf)(pair[v] << 16);
}
template <int V>
SPAR_INLINE void high_halves(vf (&to)[V], const vi (&pair)[V]) {
#pragma GCC unroll 16
  for (int v = 0; v < V; v++) to[v] = (vf)(pair[v] & (vi{} - 0x10000));
}

// R rows of C, the first `rows` of which are stored, and P neighbouring panels.
template <int R, int P, bool kBf16, Source kSource>
__attribute__((noinline)) void tile(const Tile& t, int rows) {
  constexpr bool kOuter = kSource == Source::kOuter;
  constexpr int V = P * kPanelVectors, kStep = kOuter ? kTileRows : 1, kDepths = kBf16 ? 2 : 1;
  vf acc[R][V] = {};
  const float* a = t.a;
  const uint32_t* words = t.b;
  const int64_t b_stride = t.b_stride, depth = t.depth;
  // Depth p and in bf16 the next, unless it is the end; a and words lie d depths before.
  auto step = [&](int64_t p, int64_t d) __attribute__((always_inline)) {
    vi pair[V];
    vf b[V];
    if (kSource == Source::kMemory) fetch_far<V>(words + d / kDepths * kPanel, b_stride);
    load_words<V, kBf16>(pair, words, b_stride, d);
    if (!kBf16) {
      std::memcpy(&b, &pair, sizeof b);
      return multiply_add<R, V, kOuter>(acc, a + d * kStep, b);
    }
    low_halves(b, pair);
    multiply_add<R, V, kOuter>(acc, a + d * kStep, b);
    if (p + 1 == depth) return;
    high_halves(b, pair);
    multiply_add<R, V, kOuter>(acc, a + (d + 1) * kStep, b);
  };
  const int64_t line_step = kLine * 4 / kFetchEvery >> t.later.shift;
  int64_t p = 0;
  for (; p + kRound <= depth; p += kRound) {
    fetch_c<V>(t, p / kRound);
    const char* later = kSource == Source::kMemory ? nullptr : later_at(t.later, p);
#pragma GCC unroll 8
    for (int64_t d = 0; d < kRound; d += kDepths) {
      if (kSource != Source::kMemory && d % kFetchEvery == 0) __builtin_prefetch(later + d * line_step, 0, 2);
      step(p + d, d);
    }
    words += kRound / kDepths * kPanel;
    a += kRound * kStep;
  }
  for (; p < depth; p += kDepths) {
    step(p, 0);
    words += kPanel;
    a += kDepths * kStep;
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
