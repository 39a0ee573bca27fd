// The configuration of the AMX tile registers: eight tiles of 64-byte rows, which hold 32 values of
// bfloat16 or 16 sums each.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {

// What LDTILECFG reads and STTILECFG writes (Intel SDM); palette 0: no tiles.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShapes) == 64, "palette 1");

// Not the intrinsics: they tell the compiler of only eight of these bytes.
SPAR_INLINE void load_shapes(const TileShapes& shapes) { __asm__ volatile("ldtilecfg %0" ::"m"(shapes)); }
SPAR_INLINE void store_shapes(TileShapes& shapes) { __asm__ volatile("sttilecfg %0" : "=m"(shapes)); }

// The tiles are there while this lives, for one unit of work: no thread holds them between units.
// rows: of tiles 0 to 5; tiles 6 and 7 have 16.
class TileUse {
 public:
  explicit TileUse(int64_t rows = 16) {
    TileShapes shapes;
    for (int i = 0; i < 6; i++) shapes.rows[i] = static_cast<uint8_t>(rows);
    load_shapes(shapes);
  }
  ~TileUse() { _tile_release(); }
  TileUse(const TileUse&) = delete;
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
