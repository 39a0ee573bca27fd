// Philox4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as
// easy as 1, 2, 3"). A draw is a pure function of key and counter.
#pragma once
#include <array>
#include <cstdint>

namespace spar {

using PhiloxWords = std::array<uint32_t, 4>;

inline PhiloxWords philox(uint64_t key, PhiloxWords c) {
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = uint64_t{0xD2511F53} * c[0], p1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

// The top 53 bits of words 0 (low) and 1 (high), as a number in [0, 1).
inline double philox_uniform(uint64_t key, PhiloxWords counter) {
  PhiloxWords w = philox(key, counter);
  uint64_t bits = uint64_t{w[1]} << 32 | w[0];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace spar
