// How many, and at most: the arithmetic of cutting work into parts.
#pragma once
#include <cstdint>

#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {

SPAR_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
SPAR_INLINE int64_t at_most(int64_t a, int64_t limit) { return a < limit ? a : limit; }

}  // namespace SPAR_ISA_NS
}  // namespace spar
