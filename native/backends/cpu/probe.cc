// The peak probes of one kernel family.
#include "backends/cpu/probe.h"

#include "backends/cpu/vec.h"
#if defined(__AMX_BF16__)
#include "backends/cpu/amx_tiles.h"
#endif

namespace spar {
namespace SPAR_ISA_NS {
namespace {

// Enough independent chains to cover the latency of two multiply-add units.
constexpr int kChains = 10;

// The loops over memory walk this many places at once, two vectors at each, and fetch ahead by
// kAhead floats: one walk alone does not use all the fetches that a core may have under way.
constexpr int kPlaces = 4, kVectors = 2;
constexpr int64_t kStep = kVectors * kLanes, kAhead = 256;

float probe_multiply_add(int64_t rounds, double* flops) {
  vf chain[kChains];
  for (int i = 0; i < kChains; i++) chain[i] = splat(1.0f + static_cast<float>(i));
  const vf factor = splat(0.999f), term = splat(0.001f);
  for (int64_t r = 0; r < rounds; r++)
    for (int i = 0; i < kChains; i++) chain[i] = fma(chain[i], factor, term);
  vf all = chain[0];
  for (int i = 1; i < kChains; i++) all = all + chain[i];
  *flops = 2.0 * kChains * kLanes;
  return sum(all);
}

#if defined(__AMX_BF16__)

// Four accumulators of 16 x 16, two tiles of 16 rows of A and two of B: what a product holds.
float probe_multiply_bf16(int64_t rounds, double* flops) {
  TileShapes before;
  store_shapes(before);
  load_shapes(TileShapes());
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t r = 0; r < rounds; r++) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  alignas(64) float out[16 * 16];
  _tile_stored(0, out, 64);
  if (before.palette == 0)
    _tile_release();
  else
    load_shapes(before);
  *flops = 4 * 2.0 * 16 * 16 * 32;
  return out[0];
}

#elif defined(__AVX512BF16__)

float probe_multiply_bf16(int64_t rounds, double* flops) {
  __m512 chain[kChains];
  for (int i = 0; i < kChains; i++) chain[i] = _mm512_set1_ps(1.0f + static_cast<float>(i));
  const __m512bh pair = (__m512bh)_mm512_set1_epi32(0x3a003a00);  // 2^-11 twice
  for (int64_t r = 0; r < rounds; r++)
    for (int i = 0; i < kChains; i++) chain[i] = _mm512_dpbf16_ps(chain[i], pair, pair);
  __m512 all = chain[0];
  for (int i = 1; i < kChains; i++) all = _mm512_add_ps(all, chain[i]);
  *flops = 4.0 * kChains * kLanes;
  return sum((vf)all);
}

#else

constexpr float (*probe_multiply_bf16)(int64_t, double*) = nullptr;

#endif

// visit(at) for the first float of each vector.
template <class F>
SPAR_INLINE void walk(const float* memory, int64_t count, F&& visit) {
  const int64_t part = count / kPlaces;
  for (int64_t i = 0; i < part; i += kStep)
#pragma GCC unroll 4
    for (int place = 0; place < kPlaces; place++) {
      const int64_t at = place * part + i;
      __builtin_prefetch(memory + at + kAhead);
      if (kStep > 16) __builtin_prefetch(memory + at + kAhead + 16);
#pragma GCC unroll 2
      for (int k = 0; k < kVectors; k++) visit(at + k * kLanes, place * kVectors + k);
    }
}

float probe_read(const float* memory, int64_t count) {
  vf sums[kPlaces * kVectors];
  for (vf& s : sums) s = splat(0.0f);
  walk(memory, count, [&](int64_t at, int k) { sums[k] = sums[k] + load(memory + at); });
  vf all = sums[0];
  for (int k = 1; k < kPlaces * kVectors; k++) all = all + sums[k];
  return sum(all);
}

void probe_copy(const float* from, float* to, int64_t count) {
  walk(from, count, [&](int64_t at, int) { store_past_caches(to + at, load(from + at)); });
  drain_stores();
}

void probe_update(float* memory, int64_t count) {
  const vf factor = splat(0.999f), term = splat(0.001f);
  walk(memory, count, [&](int64_t at, int) { store(memory + at, fma(load(memory + at), factor, term)); });
}

}  // namespace

extern const ProbeLoops probe_loops;
const ProbeLoops probe_loops = {probe_multiply_add, probe_multiply_bf16, probe_read, probe_copy, probe_update};

}  // namespace SPAR_ISA_NS
}  // namespace spar
