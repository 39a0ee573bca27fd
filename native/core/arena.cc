#include "core/arena.h"

#include <algorithm>

namespace spar {

int64_t Arena::take_bytes(int64_t bytes) {
  bytes = std::max<int64_t>((bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
  int64_t offset = runs_.take(bytes);
  live_[offset] = bytes;
  peak_ = std::max(peak_, offset + bytes);
  return offset;
}

void Arena::drop(const void* memory) {
  auto offset = static_cast<int64_t>(reinterpret_cast<uintptr_t>(memory) - reinterpret_cast<uintptr_t>(base_));
  auto found = live_.find(offset);
  runs_.give(offset, found->second);
  live_.erase(found);
}

}  // namespace spar
