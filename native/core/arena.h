// Lays tensors out in one block of memory while a program is built. Memory of dead tensors is
// given to later ones, so the block is as small as first fit makes it. With base NULL nothing is
// addressed and only the size is found: the plan and the allocation come from the same code.
#pragma once
#include <cstdint>
#include <map>

#include "core/first_fit.h"

namespace spar {

constexpr int64_t kAlignment = 64;

// base + offset without arithmetic on a null pointer.
template <class T>
T* address(const void* base, int64_t offset) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(base) + static_cast<uintptr_t>(offset));
}

class Arena {
 public:
  explicit Arena(void* base) : base_(base), runs_(int64_t{1} << 62) {}

  // `count` elements of T, 64-byte aligned.
  template <class T>
  T* take(int64_t count) {
    return address<T>(base_, take_bytes(count * static_cast<int64_t>(sizeof(T))));
  }
  // Ends the life of what take() returned: later takes may lie there.
  void drop(const void* memory);
  // Bytes that the block needs: the highest end of any tensor so far.
  int64_t bytes() const { return peak_; }

 private:
  int64_t take_bytes(int64_t bytes);

  void* base_;
  FirstFit runs_;
  std::map<int64_t, int64_t> live_;  // offset -> bytes
  int64_t peak_ = 0;
};

}  // namespace spar
