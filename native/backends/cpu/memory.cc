// The backend's memory. Large blocks are mapped on their own and asked to be huge pages, so that
// sweeps over weights do not live on page walks; small ones come from the heap.
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "backends/cpu/threads.h"
#include "core/backend.h"

namespace spar {
namespace {

constexpr int64_t kHugePage = 2 << 20;
constexpr int64_t kZeroUnit = 1 << 20;  // bytes that one unit of backend_zero clears

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// A run of pages that starts on a huge page; NULL when there is none.
char* map_aligned(int64_t bytes) {
  void* mapped =
      mmap(nullptr, static_cast<size_t>(bytes + kHugePage), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* begin = static_cast<char*>(mapped);
  int64_t skip = round_up(reinterpret_cast<int64_t>(begin), kHugePage) - reinterpret_cast<int64_t>(begin);
  if (skip > 0) munmap(begin, static_cast<size_t>(skip));
  if (skip < kHugePage) munmap(begin + skip + bytes, static_cast<size_t>(kHugePage - skip));
  return begin + skip;
}

// Makes the pages present: in one call where the kernel can (Linux 5.14), else page by page. New
// pages are zero. False when memory ran out.
bool populate(char* memory, int64_t bytes) {
  constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, which older headers lack
  if (madvise(memory, static_cast<size_t>(bytes), kPopulateWrite) == 0) return true;
  if (errno == ENOMEM) return false;
  for (int64_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory)[at] = 0;
  return true;
}

}  // namespace

void* backend_alloc(int64_t bytes) {
  if (bytes < kHugePage) {
    void* memory = std::aligned_alloc(64, static_cast<size_t>(round_up(bytes, 64)));
    if (memory != nullptr) std::memset(memory, 0, static_cast<size_t>(bytes));
    return memory;
  }
  const int64_t mapped = round_up(bytes, kHugePage);
  char* memory = map_aligned(mapped);
  if (memory == nullptr) return nullptr;
  madvise(memory, static_cast<size_t>(mapped), MADV_HUGEPAGE);
  if (populate(memory, mapped)) return memory;
  munmap(memory, static_cast<size_t>(mapped));
  return nullptr;
}

void backend_free(void* memory, int64_t bytes) {
  if (bytes < kHugePage)
    std::free(memory);
  else
    munmap(memory, static_cast<size_t>(round_up(bytes, kHugePage)));
}

void backend_zero(BackendState* state, void* memory, int64_t bytes) {
  auto* begin = static_cast<char*>(memory);
  state->threads.parallel((bytes + kZeroUnit - 1) / kZeroUnit, [=](int64_t unit, int32_t) {
    const int64_t first = unit * kZeroUnit, rest = bytes - first;
    std::memset(begin + first, 0, static_cast<size_t>(rest < kZeroUnit ? rest : kZeroUnit));
  });
}

}  // namespace spar
