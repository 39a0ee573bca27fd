// Panels: the layout of B in products. ceil(columns / kPanel) of them lie one after another, columns
// past the end zero. In a panel the words of depth p are kPanel neighbours: fp32 values, or in bf16
// precision pairs of depths 2p (low half) and 2p + 1 (high half), so that one shift or mask widens a
// whole vector.
#pragma once
#include <cstdint>

#include "backends/cpu/integers.h"
#include "backends/cpu/vec.h"
#include "ops/linear/op.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int kPanelVectors = 2;
constexpr int kPanel = kPanelVectors * kLanes;

static_assert(kPackRows % kPanel == 0, "blocks of rows are whole panels");

// 32-bit words of one panel.
SPAR_INLINE int64_t panel_words(int64_t depth, bool bf16) { return (bf16 ? (depth + 1) / 2 : depth) * kPanel; }
SPAR_INLINE int64_t panel_count(int64_t columns) { return ceil_div(columns, kPanel); }

// B of a product, from some depth on.
struct Panels {
  const uint32_t* words;
  int64_t stride;  // words from panel to panel
  bool bf16;
};

SPAR_INLINE Panels panels_of(const void* data, int64_t depth, bool bf16) {
  return {static_cast<const uint32_t*>(data), panel_words(depth, bf16), bf16};
}
// The same columns from depth `first` on (even).
SPAR_INLINE Panels panels_from(Panels b, int64_t first) {
  b.words += panel_words(first, b.bf16);
  return b;
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
