// The order of the backward pass. Segments are cut into blocks of rows from their start; the depth
// of a block is the number of blocks before it in its chain. In phase p, each block of keys meets
// the blocks of queries of its descendants (itself in phase 0) that lie p deeper. A block of
// queries meets one block of keys per phase, so the pairs of a phase touch no dq, dk or dv twice
// but within one block of keys, whose queries come in order of segments: phases and blocks of keys
// run on any number of threads, and every sum has one order, which its group alone decides.
#pragma once
#include "ops/attention/chain.h"

namespace spar {
namespace SPAR_ISA_NS {

struct RowBlocks {
  const BatchView& batch;
  int64_t rows;  // of a block

  int64_t in(int32_t s) const { return (batch.segment[s].num_rows + rows - 1) / rows; }
  // Blocks of the chain of s, without `root` and above, before s; root -1: all.
  int64_t before(int32_t s, int32_t root) const {
    int64_t count = 0;
    for (int32_t i = batch.segment[s].prefix; i >= 0 && i != root; i = batch.segment[i].prefix) count += in(i);
    return count;
  }
  int64_t total() const {
    int64_t count = 0;
    for (int32_t s = 0; s < batch.segments; s++) count += in(s);
    return count;
  }
  int64_t phases() const {
    int64_t deepest = 0;
    for (int32_t s = 0; s < batch.segments; s++) {
      const int64_t depth = before(s, -1) + in(s);
      if (depth > deepest) deepest = depth;
    }
    return deepest;
  }
  // The index-th block of the batch: its segment; index becomes that in the segment.
  int32_t segment_of(int64_t& index) const {
    int32_t s = 0;
    for (; index >= in(s); s++) index -= in(s);
    return s;
  }
  // Rows [first, last) of block i of segment s.
  int64_t first(int32_t s, int64_t i) const { return batch.segment[s].first_row + i * rows; }
  int64_t last(int32_t s, int64_t i) const {
    const int64_t count = batch.segment[s].num_rows;
    return batch.segment[s].first_row + ((i + 1) * rows < count ? (i + 1) * rows : count);
  }
  // Calls f(u, i) for the blocks of queries that meet block j of segment s in a phase.
  template <class F>
  void each_meeting(int32_t s, int64_t j, int64_t phase, F f) const {
    if (j + phase < in(s)) f(s, j + phase);
    for (int32_t u = s + 1; u < batch.segments; u++) {
      if (!descends(batch, u, s)) continue;
      const int64_t i = j + phase - in(s)-before(u, s);
      if (i >= 0 && i < in(u)) f(u, i);
    }
  }
  bool meets(int32_t s, int64_t j, int64_t phase) const {
    bool any = false;
    each_meeting(s, j, phase, [&](int32_t, int64_t) { any = true; });
    return any;
  }
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
