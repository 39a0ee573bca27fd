// dw[n, k] += sum over m of dy[m, n] x[m, k] with bf16 operands. An element is one sum that starts
// from the old value and takes the rows m in the order of multiply(): no cut enters its bits.
//
// A unit is a run of n by a run of k. It takes rows m chunk by chunk: x becomes panels in the
// second cache; then for each kRows of n, dy becomes blocks in the first cache and passes them. The
// next blocks are made beside the products, a few steps after their lines were fetched: fetched whole, lines of one
// column of dy would share few sets of the cache and drive each other out.
#pragma once
#include "backends/cpu/bf16/product.h"
#include "backends/cpu/transpose.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

struct OuterProduct {
  Rows dy;
  const float* x;
  int64_t x_stride;
  float* dw;
  int64_t dw_stride;
  int64_t rows, n, k;
};

// Strips of n whose dy is transposed together: lines of a column in runs of kRun bytes come twice as fast as of half.
constexpr int64_t kRun = 256;
SPAR_INLINE int64_t bundle_of(const OuterProduct& g) { return kRun / g.dy.bytes() / kRows; }
// Steps of m that dy is fetched ahead.
constexpr int64_t kStepsAhead = 2;

// Strips of kRows of n by groups of kColumns of k, and steps of m in a chunk.
struct OuterCut {
  int64_t strips, groups, chunk;
  int64_t row_units, column_units;
  int64_t units() const { return row_units * column_units; }
};

// Steps of a chunk when `groups` groups are in scratch with the sums and two bundles of dy. The rest of the second
// cache is for lines of dy and dw that pass.
SPAR_INLINE int64_t outer_chunk(int64_t groups, int64_t bundle) {
  return (kScratchBytes / 4 * 3 - groups * kSums * 4) / ((groups * kPanels + 2 * bundle * kBlocks) * kTile * 2);
}

SPAR_INLINE OuterCut outer_cut_of(const OuterProduct& g, int64_t threads) {
  constexpr int64_t kPerTile = 20, kBytesPerCycle = 6, kPerUnit = 3000, kPerTranspose = 100, kPerPair = 50;
  const int64_t strips = ceil_div(g.n, kRows), groups = groups_of(g.k), steps = steps_of(g.rows);
  OuterCut best = {};
  int64_t least = INT64_MAX;
  for (int64_t c = 1; c <= groups; c++) {
    const int64_t per = ceil_div(groups, c), chunk = at_most(outer_chunk(per, bundle_of(g)), steps);
    if (chunk < at_most(steps, kNearSteps) || per * (c - 1) >= groups) continue;
    for (int64_t wave = 1; wave <= 4; wave++) {
      const int64_t s = ceil_div(strips, at_most(ceil_div(threads * wave, c), strips));
      const OuterCut cut = {s, per, ceil_div(steps, ceil_div(steps, chunk)), ceil_div(strips, s), c};
      const int64_t x = per * kPanels * steps * (kTile * 4 / kBytesPerCycle + kPerPair);
      const int64_t dy_work = s * kBlocks * steps * kPerTranspose;
      const int64_t dy_bytes = s * kBlocks * steps * kTile * g.dy.bytes();
      const int64_t dw_bytes = s * per * kSums * 8 * ceil_div(steps, cut.chunk);
      const int64_t passing = (dy_bytes + dw_bytes) / kBytesPerCycle;
      const int64_t multiplying = s * per * steps * kBlocks * kPanels * kPerTile + dy_work;
      const int64_t unit = x + (passing > multiplying ? passing : multiplying) + kPerUnit;
      const int64_t total = ceil_div(cut.units(), threads) * unit;
      if (total < least) least = total, best = cut;
    }
  }
  return best;
}

// Rows [m, m + 32 steps) of x from column k on as `panels` panels.
SPAR_INLINE void pack_panels(const OuterProduct& g, int64_t m, int64_t steps, int64_t k, int64_t panels, uint16_t* to) {
  for (int64_t s = 0; s < steps; s++) {
    const int64_t first = m + s * kStep;
    for (int64_t p = 0; p < panels; p++) {
      __m512i v[16];
      const int64_t column = k + p * kPanel;
      load_depths(v, g.x + first * g.x_stride + column, g.x_stride, g.k - column, g.rows - first);
      put(to + (p * steps + s) * kTile, v);
    }
  }
}

// Rows of dy that become blocks of a bundle, transposed, a block of a step at a time.
struct Transposing {
  Rows from = {};
  int64_t row = 0, rows = 0, column = 0, columns = 0;  // the first, and how many from there
  uint16_t* to = nullptr;
  int64_t steps = 0, blocks = 1;
  int64_t next = 0, fetched = 0;  // block of a step; row
  int64_t every = 1, wait = 1;    // steps of the product from block to block, and to the next
  int64_t some = 0;               // rows to fetch in a step

  SPAR_INLINE_MEMBER bool done() const { return next >= steps * blocks; }
  __attribute__((noinline)) void block() {
    const int64_t step = next / blocks, at = next % blocks;
    __m512i v[16];
    from.load_depths(v, row + step * kStep, rows - step * kStep, column + at * kBlock, columns - at * kBlock);
    transpose(v);  // a step of a panel becomes one of a block
    put(to + (at * steps + step) * kTile, v);
    next++;
  }
  SPAR_INLINE_MEMBER void fetch() {
    from.fetch<kRun>(row + fetched, column);
    fetched++;
  }
  SPAR_INLINE_MEMBER void step() {
    const int64_t near = at_most((next / blocks + kStepsAhead) * kStep, rows);
    for (int64_t i = 0; i < some && fetched < near; i++) fetch();
    if (--wait > 0) return;
    wait = every;
    if (!done()) block();
  }
  SPAR_INLINE_MEMBER void finish() {
    while (!done()) block();
  }
};

// Beside the products: old values and sums of dw, and the next bundle.
struct BesideOuter {
  Drain drain;
  Fill fill;
  Transposing dy;
  int64_t rows = 0;  // of drain and fill in one step

  SPAR_INLINE_MEMBER void step() {
    for (int64_t i = 0; i < rows; i++) {
      drain.row();
      fill.row();
    }
    dy.step();
  }
  SPAR_INLINE_MEMBER void finish() {
    while (drain.next < drain.rows) drain.row();
    while (fill.next < fill.rows) fill.row();
  }
};

SPAR_INLINE Fill fill_of(const OuterProduct& g, int64_t n, int64_t k, float* sums) {
  Fill f;
  f.to = sums;
  f.from = g.dw + n * g.dw_stride + k;
  f.stride = g.dw_stride;
  f.columns = g.k - k;
  f.rows = at_most(g.n - n, kRows);
  return f;
}

SPAR_INLINE Drain outer_drain(const OuterProduct& g, int64_t n, int64_t k, float* sums) {
  Drain d;
  d.from = sums;
  d.to = g.dw + n * g.dw_stride + k;
  d.to_stride = g.dw_stride;
  d.columns = at_most(g.k - k, kColumns);
  d.soon = kRows * g.dw_stride;
  d.rows = at_most(g.n - n, kRows);
  return d;
}

// The bundle of the chunk from row m on at column n; beside `products` steps of products.
SPAR_INLINE Transposing transposing_of(const OuterProduct& g, int64_t m, int64_t steps, int64_t n, int64_t n_end,
                                       int64_t products, uint16_t* to) {
  Transposing t;
  t.from = g.dy;
  t.row = m;
  t.rows = at_most(g.rows - m, steps * kStep);
  t.column = n;
  t.columns = g.n - n;
  t.to = to;
  t.steps = steps;
  t.blocks = at_most(ceil_div(n_end - n, kRows), bundle_of(g)) * kBlocks;
  t.every = products / (t.blocks * (steps + kStepsAhead));
  if (t.every == 0) t.every = 1;
  t.wait = t.every * kStepsAhead * t.blocks;
  t.some = ceil_div(kStep, t.every * t.blocks);
  return t;
}

// One chunk: strips from n to n_end by groups of k.
SPAR_INLINE void outer_chunk_unit(const OuterProduct& g, int64_t m, int64_t steps, int64_t n0, int64_t n_end, int64_t k,
                                  int64_t groups, float* scratch) {
  const int64_t bundle = bundle_of(g), wide = bundle * kRows;
  float* sums = scratch;
  uint16_t* a = reinterpret_cast<uint16_t*>(sums + groups * kSums);
  uint16_t* other = a + bundle * kBlocks * steps * kTile;
  uint16_t* b = other + bundle * kBlocks * steps * kTile;
  pack_panels(g, m, steps, k, groups * kPanels, b);
  transposing_of(g, m, steps, n0, n_end, 0, a).finish();
  const int64_t near = near_steps(steps);
  BesideOuter beside;
  for (int64_t n = n0; n < n_end; n += kRows) {
    const int64_t strip = (n - n0) / kRows % bundle;
    if (strip == 0 && n + wide < n_end)
      beside.dy = transposing_of(g, m, steps, n + wide, n_end, bundle * groups * steps, other);
    beside.finish();
    beside.fill = fill_of(g, n, k, sums);
    beside.finish();
    for (int64_t step = 0; step < steps; step += near) {
      const int64_t some = at_most(steps - step, near);
      for (int64_t group = 0; group < groups; group++) {
        float* sum = sums + group * kSums;
        if (step == 0 && group + 1 < groups) {
          beside.fill = fill_of(g, n, k + (group + 1) * kColumns, sum + kSums);
          const int64_t soon = group + 4;
          beside.fill.soon = soon < groups ? g.dw + n * g.dw_stride + k + soon * kColumns
                                           : g.dw + (n + kRows) * g.dw_stride + k + (soon - groups) * kColumns;
        }
        multiply_strip<Streamed::kB>(kBlocks, a + (strip * kBlocks * steps + step) * kTile, steps * kTile,
                                     b + (group * kPanels * steps + step) * kTile, steps * kTile, some, sum, true,
                                     beside);
        if (step + some == steps) beside.drain = outer_drain(g, n, k + group * kColumns, sum);
      }
    }
    if (strip + 1 < bundle) continue;
    beside.dy.finish();
    uint16_t* const done = a;
    a = other;
    other = done;
  }
  beside.finish();
}

SPAR_INLINE void outer_product(ThreadPool& threads, const OuterProduct& g) {
  const OuterCut cut = outer_cut_of(g, threads.size());
  const int64_t steps = steps_of(g.rows);
  if (g.rows == 0) return;
  threads.parallel(cut.units(), [&](int64_t index, int32_t thread) {
    const Unit unit;
    const int64_t n = index % cut.row_units * cut.strips * kRows, k = index / cut.row_units * cut.groups * kColumns;
    const int64_t n_end = at_most(n + cut.strips * kRows, g.n);
    const int64_t groups = at_most(groups_of(g.k - k), cut.groups);
    for (int64_t step = 0; step < steps; step += cut.chunk)
      outer_chunk_unit(g, step * kStep, at_most(steps - step, cut.chunk), n, n_end, k, groups, threads.scratch(thread));
  });
}

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
