// Squares of 4, 8 or 16 vectors of as many 32-bit words, transposed in registers by shuffles that need
// no table of lanes: first every block of 4 lanes with its like in 4 neighbours, then the blocks.
#pragma once
#include <utility>

#include "backends/cpu/vec.h"

namespace spar {
namespace SPAR_ISA_NS {

// How two vectors a and b become one.
enum class Join {
  kLow,         // in each block: a0 b0 a1 b1
  kHigh,        // in each block: a2 b2 a3 b3
  kLowPairs,    // in each block: a0 a1 b0 b1
  kHighPairs,   // in each block: a2 a3 b2 b3
  kEvenBlocks,  // blocks 0, 2 .. of a, then of b
  kOddBlocks    // blocks 1, 3 .. of a, then of b
};

// The lane of a, or `lanes` on of b, that becomes lane i.
constexpr int joined_lane(Join join, int lanes, int i) {
  const int block = i / 4 * 4, lane = i % 4, of_b = i / (lanes / 2) * lanes, even = i % (lanes / 2) / 4 * 8 + lane;
  switch (join) {
    case Join::kLow: return block + lane / 2 + lane % 2 * lanes;
    case Join::kHigh: return block + lane / 2 + lane % 2 * lanes + 2;
    case Join::kLowPairs: return block + lane % 2 + lane / 2 * lanes;
    case Join::kHighPairs: return block + lane % 2 + lane / 2 * lanes + 2;
    case Join::kEvenBlocks: return even + of_b;
    case Join::kOddBlocks: return even + of_b + 4;
  }
  return 0;
}

template <class V>
constexpr int kWords = sizeof(V) / 4;

template <Join kJoin, class V, int... I>
SPAR_INLINE V join_lanes(V a, V b, std::integer_sequence<int, I...>) {
  typedef float floats __attribute__((vector_size(sizeof(V))));
  return (V)__builtin_shufflevector((floats)a, (floats)b, joined_lane(kJoin, kWords<V>, I)...);
}
template <Join kJoin, class V>
SPAR_INLINE V join(V a, V b) {
  return join_lanes<kJoin>(a, b, std::make_integer_sequence<int, kWords<V>>());
}

template <class V>
SPAR_INLINE void transpose_in_blocks(V* t) {
  const V low0 = join<Join::kLow>(t[0], t[1]), high0 = join<Join::kHigh>(t[0], t[1]);
  const V low2 = join<Join::kLow>(t[2], t[3]), high2 = join<Join::kHigh>(t[2], t[3]);
  t[0] = join<Join::kLowPairs>(low0, low2);
  t[1] = join<Join::kHighPairs>(low0, low2);
  t[2] = join<Join::kLowPairs>(high0, high2);
  t[3] = join<Join::kHighPairs>(high0, high2);
}

template <int kStep, class V>
SPAR_INLINE void separate_blocks(V* t) {
#pragma GCC unroll 16
  for (int i = 0; i < kWords<V>; i++) {
    if (i & kStep) continue;
    const V a = t[i], b = t[i + kStep];
    t[i] = join<Join::kEvenBlocks>(a, b);
    t[i + kStep] = join<Join::kOddBlocks>(a, b);
  }
}

// t: as many vectors as one has words.
template <class V>
SPAR_INLINE void transpose(V* t) {
#pragma GCC unroll 4
  for (int i = 0; i < kWords<V>; i += 4) transpose_in_blocks(t + i);
  if constexpr (kWords<V> >= 8) separate_blocks<4>(t);
  if constexpr (kWords<V> >= 16) separate_blocks<8>(t);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
