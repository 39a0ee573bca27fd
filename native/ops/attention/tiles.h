// Products of bfloat16 matrices on AMX tiles for attention. An fp32 operand goes in as the sum of
// three bfloat16 parts, which is exact: 24 bits of mantissa are three times 8. So a product of two
// of them, in the six pairs of parts that matter, errs like one in fp32.
#pragma once
#include "backends/cpu/bf16_vec.h"
#include "ops/attention/block.h"

#if defined(__AMX_BF16__)
#include "backends/cpu/amx_tiles.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int kParts = 3;

// A matrix of tiles: bytes between rows, between the two tiles of a pair, between steps of depth.
// As left operand it has rows of 32 values, as right operand rows of 16 words, each two depths.
struct TileMatrix {
  const void* data;
  int64_t stride, pair, step;
};

SPAR_INLINE void zero_tiles() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}
// The 32 x 32 floats at c, rows `stride` bytes apart.
SPAR_INLINE void load_tiles(const float* c, int64_t stride) {
  _tile_loadd(0, c, stride);
  _tile_loadd(1, c + 16, stride);
  _tile_loadd(2, c + 4 * stride, stride);
  _tile_loadd(3, c + 4 * stride + 16, stride);
}
SPAR_INLINE void store_tiles(float* c, int64_t stride) {
  _tile_stored(0, c, stride);
  _tile_stored(1, c + 16, stride);
  _tile_stored(2, c + 4 * stride, stride);
  _tile_stored(3, c + 4 * stride + 16, stride);
}
// The four sums += a b over `steps` depths of 32.
SPAR_INLINE void multiply_tiles(const TileMatrix& a, const TileMatrix& b, int64_t steps) {
  const char *x = static_cast<const char*>(a.data), *y = static_cast<const char*>(b.data);
  for (int64_t k = 0; k < steps; k++, x += a.step, y += b.step) {
    _tile_loadd(4, x, a.stride);
    _tile_loadd(6, y, b.stride);
    _tile_loadd(7, y + b.pair, b.stride);
    _tile_loadd(5, x + a.pair, a.stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

// x = part[0] + part[1] + part[2], each a bfloat16.
SPAR_INLINE void split(vf x, vf* part) {
  const vu mask = vu{} + 0xffff0000u;
  part[0] = (vf)((vu)x & mask);
  const vf rest = x - part[0];
  part[1] = (vf)((vu)rest & mask);
  part[2] = rest - part[1];
}

// Words of the bfloat16s of `low` and `high`.
SPAR_INLINE vu words(vf low, vf high) { return ((vu)low >> 16) | ((vu)high & 0xffff0000u); }

SPAR_INLINE void store_words(void* to, vu v) { std::memcpy(to, &v, sizeof v); }

// to[c * stride + p] = words of in[2 p] and in[2 p + 1] at c, for 32 rows of d floats: the
// transposed matrix in bfloat16, 64 bytes of each row.
static inline void transpose_rows(const float* in, int64_t d, uint32_t* to, int64_t stride) {
  for (int64_t c = 0; c < d; c += 16) {
    vf t[16];
#pragma GCC unroll 16
    for (int p = 0; p < 16; p++) t[p] = (vf)words(load(in + 2 * p * d + c), load(in + (2 * p + 1) * d + c));
    transpose(t);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) store_words(to + (c + i) * stride, (vu)t[i]);
  }
}

// to[w * stride + i] = words w of 16 rows of bfloat16s, `count` words each, `row` words apart.
static inline void transpose_words(const uint32_t* in, int64_t row, int64_t count, uint32_t* to, int64_t stride) {
  for (int64_t w = 0; w < count; w += 16) {
    vf t[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) std::memcpy(&t[i], in + i * row + w, sizeof t[i]);
    transpose(t);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) store_words(to + (w + i) * stride, (vu)t[i]);
  }
}

}  // namespace SPAR_ISA_NS
}  // namespace spar

#endif
