// multiply() on AMX tiles. A tile register holds a step of a block (A), of a panel (B) or 16 x 16
// sums. TDPBF16PS adds to a sum the products of one step: those of even depths and those of odd
// depths as two chains of fused multiply-adds from zero, joined, then added (Intel SDM).
#pragma once
#include "backends/cpu/amx_tiles.h"
#include "backends/cpu/bf16/beside.h"
#include "backends/cpu/bf16/layout.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

constexpr bool kReadsOnce = true;  // a call of multiply() reads B once

using Unit = TileUse;  // a unit of work has the tiles

// The operand that comes from the second cache is loaded with the hint that keeps it out of the
// first, where the other one stays: 2.3 -> 3.1 TFLOP/s on one core of Sapphire Rapids' kind.
#define SPAR_LOAD(tile, from, streamed) \
  if (streamed)                         \
    _tile_stream_loadd(tile, from, 64); \
  else                                  \
    _tile_loadd(tile, from, 64)

// The lines of B in memory are asked for a step or two ahead, which leaves the hardware's own
// fetches room to follow (25 -> 31 GB/s on two cores; a group ahead they get in each other's way).
// More than 16 rows of A fill the first cache, where B would drive them out.
template <_mm_hint kHint>
SPAR_INLINE void fetch_step(const uint16_t* b, const uint16_t* b1) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    _mm_prefetch(b + 32 * i, kHint);
    _mm_prefetch(b1 + 32 * i, kHint);
  }
}

// c (+)= A B over `steps` steps, for R blocks and kPanels panels.
template <int R, Streamed kStreamed, class Beside>
__attribute__((noinline)) void multiply(const uint16_t* a, int64_t a_stride, const uint16_t* b, int64_t b_stride,
                                        int64_t steps, float* c, bool add, Beside& beside) {
  const uint16_t *a1 = a + a_stride, *b1 = b + b_stride;
  if (add) {
    _tile_loadd(0, c, 64);
    _tile_loadd(1, c + 256, 64);
    if (R > 1) {
      _tile_loadd(2, c + 512, 64);
      _tile_loadd(3, c + 768, 64);
    }
  } else {
    _tile_zero(0);
    _tile_zero(1);
    if (R > 1) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }
  Beside work = beside;
  for (int64_t s = 0; s < steps * kTile; s += kTile) {
    SPAR_LOAD(4, a + s, kStreamed == Streamed::kA);
    SPAR_LOAD(6, b + s, kStreamed != Streamed::kA);
    _tile_dpbf16ps(0, 4, 6);
    SPAR_LOAD(7, b1 + s, kStreamed != Streamed::kA);
    _tile_dpbf16ps(1, 4, 7);
    if (R > 1) {
      SPAR_LOAD(5, a1 + s, kStreamed == Streamed::kA);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    if (kStreamed == Streamed::kFarB)
      fetch_step<R == 1 ? _MM_HINT_T0 : _MM_HINT_T1>(b + s + R * kTile, b1 + s + R * kTile);
    work.step();
  }
  work.finish();
  beside = work;
  _tile_stored(0, c, 64);
  _tile_stored(1, c + 256, 64);
  if (R > 1) {
    _tile_stored(2, c + 512, 64);
    _tile_stored(3, c + 768, 64);
  }
}
#undef SPAR_LOAD

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
