// Walking the segments of a batch: chains of prefixes and what a row sees of each segment.
#pragma once
#include "core/exec.h"
#include "ops/attention/op.h"
#include "ops/attention/row.h"

namespace spar {
namespace SPAR_ISA_NS {

// A segment's prefixes, root first, without itself.
struct Chain {
  int32_t segment[kMaxPrefixChain];
  int32_t count = 0;

  Chain(const BatchView& batch, int32_t s) {
    for (int32_t i = batch.segment[s].prefix; i >= 0 && count < kMaxPrefixChain; i = batch.segment[i].prefix) count++;
    int32_t at = count;
    for (int32_t i = batch.segment[s].prefix; at > 0; i = batch.segment[i].prefix) segment[--at] = i;
  }
};

// Whether s is `ancestor` or has it among its prefixes, which have lower numbers than their users.
SPAR_INLINE bool descends(const BatchView& batch, int32_t s, int32_t ancestor) {
  while (s > ancestor) s = batch.segment[s].prefix;
  return s == ancestor;
}

// What row m, of `segment` or of one that it prefixes, sees of `segment`. Positions rise within a
// segment.
static inline Sight sight_of(const BatchView& batch, const spar_segment& segment, int64_t m, int32_t window) {
  const int64_t own = m - segment.first_row;
  const int64_t high = own >= 0 && own < segment.num_rows ? own + 1 : segment.num_rows;
  if (window == 0) return {0, high};
  int64_t low = 0, end = high;
  while (low < end) {
    const int64_t middle = (low + end) / 2;
    if (batch.position[m] - batch.position[segment.first_row + middle] < window)
      end = middle;
    else
      low = middle + 1;
  }
  return {low, high};
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
