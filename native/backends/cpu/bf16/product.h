// C[rows, columns] = base + A[rows, depth] B[depth, columns] with bf16 operands: A is rounded, unless it is, into
// the thread's scratch, B is packed weights. The depth is cut into equal chains of at most
// kChainSteps; a chain is one sum from zero in the order of multiply(); chains are added to the base
// in ascending order. No cut into units, strips or groups enters the bits.
//
// A unit is a run of strips of rows by a run of groups of panels. Its rows of A stay in the second
// cache; a group of panels, cut to a depth that fits the first cache, passes all of them, while the
// next group is fetched and finished rows are written. With one strip, as in decoding, it is the rows
// of A that stay in the first cache and the panels that pass, each once over the whole depth and
// fetched just ahead: each thread takes one run of them, as to begin a run costs more than an even
// finish saves. Up to one block of rows is not filled up to a block: M = 1 of SmolLM2 reads its weights
// at 36 instead of 32 GB/s, as all of A then fits the first cache.
#pragma once
#include "backends/cpu/bf16/multiply.h"
#include "backends/cpu/threads.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

struct Product {
  Rows a;
  const uint16_t* b;  // panels of the whole depth
  int64_t b_stride;   // values from panel to panel
  float* c;
  int64_t c_stride;
  const float* base;  // NULL: zero; may be c
  int64_t base_stride;
  int64_t rows, columns, depth;
};

constexpr int64_t kChainSteps = 64;
SPAR_INLINE int64_t chain_steps(int64_t steps) { return ceil_div(steps, ceil_div(steps, kChainSteps)); }

// Steps of a group of panels that the first cache holds beside a block of A.
constexpr int64_t kNearSteps = 16;
SPAR_INLINE int64_t near_steps(int64_t steps) { return steps <= kNearSteps + kNearSteps / 4 ? steps : kNearSteps; }

// Strips of kRows rows by groups of kColumns columns.
struct Cut {
  int64_t strips, groups;  // of a unit
  int64_t row_units, column_units;
  int64_t units() const { return row_units * column_units; }
};

// Bytes of scratch for `strips` strips of A and their sums; steps: of a chain.
SPAR_INLINE int64_t scratch_bytes(int64_t strips, int64_t steps) {
  const int64_t sums = near_steps(steps) == steps ? 1 : strips;
  return strips * kRows * steps * kStep * 2 + sums * kSums * 4;
}

// The cut that lets the threads finish first: reading A is waited for, the rest is either bound by
// multiplications or by memory. Figures in cycles, of a core with AMX: any cut gives the same bits.
SPAR_INLINE Cut cut_of(int64_t rows, int64_t columns, int64_t steps, int64_t threads) {
  constexpr int64_t kPerTile = 20, kBytesPerCycle = 6, kPerUnit = 3000;
  const int64_t strips = ceil_div(rows, kRows), groups = groups_of(columns), chain = chain_steps(steps);
  if (strips == 1) {
    const int64_t each = ceil_div(groups, at_most(threads, groups));
    return {1, each, 1, ceil_div(groups, each)};
  }
  Cut best = {};
  int64_t least = INT64_MAX;
  for (int64_t s = 1; s <= strips && scratch_bytes(s, chain) <= kScratchBytes; s++) {
    const int64_t row_units = ceil_div(strips, s);
    for (int64_t wave = 1; wave <= 4; wave++) {
      const int64_t g = ceil_div(groups, at_most(ceil_div(threads * wave, row_units), groups));
      const Cut cut = {s, g, row_units, ceil_div(groups, g)};
      const int64_t reading = s * kRows * steps * kStep * 4 / kBytesPerCycle;
      const int64_t passing =
          (g * kPanels * steps * kTile * 2 + s * g * kSums * 8 * ceil_div(steps, chain)) / kBytesPerCycle;
      const int64_t multiplying = s * g * steps * kBlocks * kPanels * kPerTile;
      const int64_t unit = reading + (passing > multiplying ? passing : multiplying) + kPerUnit;
      const int64_t total = ceil_div(cut.units(), threads) * unit;
      if (total < least) least = total, best = cut;
    }
  }
  return best;
}

// Rows of A, rounded: blocks from `row` on, steps [step, step + steps).
SPAR_INLINE void pack_blocks(const Product& g, int64_t row, int64_t blocks, int64_t step, int64_t steps, uint16_t* to) {
  for (int64_t block = 0; block < blocks; block++) {
    const int64_t first = row + block * kBlock;
    for (int64_t s = 0; s < steps; s++) {
      const int64_t depth = (step + s) * kStep;
      __m512i v[16];
      g.a.load_rows(v, first, g.rows - first, depth, g.depth - depth);
      put(to + (block * steps + s) * kTile, v);
    }
  }
}

// One product of a strip and a group; `beside` is done with on return.
template <Streamed kStreamed, class Beside>
static void multiply_strip(int64_t blocks, const uint16_t* a, int64_t a_stride, const uint16_t* b, int64_t b_stride,
                           int64_t steps, float* sums, bool add, Beside& beside) {
  beside.rows = ceil_div(kRows, steps);
  __asm__ volatile("" ::: "memory");
  if (blocks == 1)
    multiply<1, kStreamed>(a, a_stride, b, b_stride, steps, sums, add, beside);
  else
    multiply<2, kStreamed>(a, a_stride, b, b_stride, steps, sums, add, beside);
  __asm__ volatile("" ::: "memory");
}

// Sums of the chain from step `first` on of rows [row, row + rows) and a group.
SPAR_INLINE Drain drain_of(const Product& g, int64_t first, int64_t row, int64_t rows, int64_t group, float* sums,
                           bool stream) {
  const int64_t column = group * kColumns;
  const float* base = first ? g.c : g.base;
  Drain d;
  d.from = sums;
  d.to = g.c + row * g.c_stride + column;
  d.to_stride = g.c_stride;
  d.base_stride = first ? g.c_stride : base ? g.base_stride : 0;
  d.base = base ? base + row * d.base_stride + column : nullptr;
  d.columns = at_most(g.columns - column, kColumns);
  d.soon = g.rows > kRows ? kRows * g.c_stride : kColumns;
  d.rows = rows;
  d.stream = stream && d.columns == kColumns;
  return d;
}

// Asks for the first steps of a group, those of the chain from step `first` on.
SPAR_INLINE void fetch_begin(const Product& g, int64_t group, int64_t first) {
  constexpr int64_t kBegin = 4;  // steps
  const uint16_t* b = g.b + group * kPanels * g.b_stride + first * kTile;
  for (int64_t p = 0; p < kPanels; p++)
    for (int64_t i = 0; i < kBegin * kTile; i += 32) _mm_prefetch(b + p * g.b_stride + i, _MM_HINT_T0);
}

// To: what finished sums become, Drain or another with rows, next and row().
template <class To>
struct BesideProduct {
  To drain;
  Fetch fetch;
  int64_t rows = 0, runs = 0;  // of drain and of fetch in one step

  SPAR_INLINE_MEMBER void step() {
    for (int64_t i = 0; i < rows; i++) drain.row();
    fetch.runs(runs);
  }
  SPAR_INLINE_MEMBER void finish() {
    while (drain.next < drain.rows) drain.row();
  }
};

constexpr bool few(int64_t rows) { return kMultipliesFew && rows <= kBlock; }

// One chain, steps [first, first + steps), of all rows, a few, by groups [group, group_end).
template <class P>
SPAR_INLINE void few_chain(const P& g, int64_t first, int64_t steps, int64_t group, int64_t group_end, float* scratch) {
  uint16_t* a = reinterpret_cast<uint16_t*>(scratch);
  float* sums = scratch + kBlock * steps * kStep / 2;
  for (int64_t s = 0; s < steps; s++)
    for (int64_t row = 0; row < g.rows; row++) {
      const int64_t depth = (first + s) * kStep;
      _mm512_store_si512(a + (s * g.rows + row) * kStep, g.a.load_row(row, depth, g.depth - depth));
    }
  for (; group < group_end; group++) {
    __asm__ volatile("" ::: "memory");
    multiply_few(a, g.rows, g.b + group * kPanels * g.b_stride + first * kTile, g.b_stride, steps, sums);
    __asm__ volatile("" ::: "memory");
    auto drain = drain_of(g, first, 0, g.rows, group, sums, false);
    while (drain.next < drain.rows) drain.row();
  }
}

// One chain, steps [first, first + steps), of rows [row, row_end) by groups [group, group_end). P is Product or derived
// from it, with a drain_of() for its sums.
template <class P>
SPAR_INLINE void chain_unit(const P& g, int64_t first, int64_t steps, int64_t row, int64_t row_end, int64_t group,
                            int64_t group_end, bool stream, float* scratch) {
  const int64_t blocks = ceil_div(row_end - row, kBlock);
  const bool once = kReadsOnce && blocks <= kBlocks;  // panels pass once: nothing to keep near
  const int64_t near = once ? steps : near_steps(steps);
  const int64_t calls = ceil_div(blocks, kBlocks), runs = kPanels * steps * kTile / 64;
  uint16_t* a = reinterpret_cast<uint16_t*>(scratch);
  float* sums = scratch + calls * kBlocks * steps * kTile / 2;
  if (once) fetch_begin(g, group, first);
  pack_blocks(g, row, blocks, first, steps, a);
  using Beside = BesideProduct<decltype(drain_of(g, 0, 0, 0, 0, sums, stream))>;
  Beside beside;
  beside.runs = ceil_div(runs, calls * steps);
  for (; group < group_end; group++) {
    const uint16_t* b = g.b + group * kPanels * g.b_stride + first * kTile;
    for (int64_t step = 0; step < steps; step += near) {
      const int64_t some = at_most(steps - step, near);
      // The same steps of the next group; its panels are one after another only if this is all of B.
      if (!once && group + 1 < group_end)
        beside.fetch = {reinterpret_cast<const char*>(b + kPanels * g.b_stride + step * kTile), 128, some * kTile / 64,
                        kPanels, g.b_stride * 2};
      for (int64_t block = 0; block < blocks; block += kBlocks) {
        float* sum = near == steps ? sums : sums + block / kBlocks * kSums;
        const auto multiply_some =
            once ? multiply_strip<Streamed::kFarB, Beside> : multiply_strip<Streamed::kA, Beside>;
        multiply_some(blocks - block, a + (block * steps + step) * kTile, steps * kTile, b + step * kTile, g.b_stride,
                      some, sum, step > 0, beside);
        if (step + some < steps) continue;
        const int64_t at = row + block * kBlock;
        beside.drain = drain_of(g, first, at, at_most(row_end - at, kRows), group, sum, stream);
      }
    }
  }
  beside.finish();
}

SPAR_INLINE bool streams(const Product& g) {
  constexpr int64_t kLarge = 4 << 20;  // bytes, past what caches keep for the next op
  return g.rows * g.columns * 4 >= kLarge && g.c_stride % 16 == 0 && steps_of(g.depth) <= kChainSteps &&
         reinterpret_cast<uintptr_t>(g.c) % 64 == 0;
}

// Rows [row, row_end) by groups [group, group_end) on one thread, chain after chain.
template <class P>
SPAR_INLINE void product_unit(const P& g, int64_t row, int64_t row_end, int64_t group, int64_t group_end, bool stream,
                              float* scratch) {
  const Unit configured(few(g.rows) ? g.rows : kBlock);
  const int64_t steps = steps_of(g.depth), chain = chain_steps(steps);
  for (int64_t first = 0; first < steps; first += chain) {
    const int64_t some = at_most(steps - first, chain);
    if (few(g.rows))
      few_chain(g, first, some, group, group_end, scratch);
    else
      chain_unit(g, first, some, row, row_end, group, group_end, stream, scratch);
  }
  if (stream) drain_stores();
}

template <class P>
SPAR_INLINE void product(ThreadPool& threads, const P& g) {
  const int64_t groups = groups_of(g.columns);
  const Cut cut = cut_of(g.rows, g.columns, steps_of(g.depth), threads.size());
  const bool stream = streams(g);
  threads.parallel(cut.units(), [&](int64_t unit, int32_t thread) {
    const int64_t row = unit / cut.column_units * cut.strips * kRows, group = unit % cut.column_units * cut.groups;
    const int64_t row_end = at_most(row + cut.strips * kRows, g.rows), group_end = at_most(group + cut.groups, groups);
    product_unit(g, row, row_end, group, group_end, stream, threads.scratch(thread));
  });
}

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
