// multiply() on AMX tiles. A tile register holds a step of a block (A: tiles 4 and 5), of a panel
// (B: 6 and 7) or the sums of both (0 to 3). TDPBF16PS adds to a sum the products of one step: those of even depths and
// those of odd depths as two chains of fused multiply-adds from zero, joined, then added (Intel SDM).
#pragma once
#include "backends/cpu/amx_tiles.h"
#include "backends/cpu/bf16/beside.h"
#include "backends/cpu/bf16/layout.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

constexpr bool kReadsOnce = true;      // a call of multiply() reads B once
constexpr bool kMultipliesFew = true;  // there is a multiply_few()

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
template <_mm_hint kHint>
SPAR_INLINE void fetch_step(const uint16_t* b) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) _mm_prefetch(b + 32 * i, kHint);
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
    // A fills the first cache, where B would drive it out.
    if (kStreamed == Streamed::kFarB) {
      fetch_step<_MM_HINT_T1>(b + s + 2 * kTile);
      fetch_step<_MM_HINT_T1>(b1 + s + 2 * kTile);
    }
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

// c = A B for `rows` rows, at most a block, and kPanels panels from memory. Tiles have only these rows
// (TileUse(rows)), and A only them in each step, so that it stays in the first cache.
static __attribute__((noinline)) void multiply_few(const uint16_t* a, int64_t rows, const uint16_t* b, int64_t b_stride,
                                                   int64_t steps, float* c) {
  const uint16_t* b1 = b + b_stride;
  _tile_zero(0);
  _tile_zero(1);
  for (int64_t s = 0; s < steps; s++) {
    _tile_loadd(4, a + s * rows * kStep, 64);
    _tile_stream_loadd(6, b + s * kTile, 64);
    _tile_dpbf16ps(0, 4, 6);
    fetch_step<_MM_HINT_T0>(b + (s + 1) * kTile);
    _tile_stream_loadd(6, b1 + s * kTile, 64);
    _tile_dpbf16ps(1, 4, 6);
    fetch_step<_MM_HINT_T0>(b1 + (s + 1) * kTile);
  }
  _tile_stored(0, c, 64);
  _tile_stored(1, c + 256, 64);
}

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
