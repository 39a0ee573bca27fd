// Which family multiplies bf16 by bf16 in hardware: AMX tiles or vdpbf16ps. Both read the layouts
// of bf16/layout.h and are used through bf16/product.h, bf16/outer.h and bf16/head.h.
#pragma once

#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {

#if defined(__AVX512BF16__)
constexpr bool kBf16Units = true;
#else
constexpr bool kBf16Units = false;
#endif

}  // namespace SPAR_ISA_NS
}  // namespace spar
