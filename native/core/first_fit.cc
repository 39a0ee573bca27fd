#include "core/first_fit.h"

#include <algorithm>

namespace spar {

FirstFit::FirstFit(int64_t capacity) {
  if (capacity > 0) free_.push_back({0, capacity});
}

int64_t FirstFit::take(int64_t count) {
  for (auto run = free_.begin(); run != free_.end(); ++run) {
    if (run->count < count) continue;
    int64_t first = run->first;
    run->first += count;
    run->count -= count;
    if (run->count == 0) free_.erase(run);
    return first;
  }
  return -1;
}

void FirstFit::give(int64_t first, int64_t count) {
  if (count == 0) return;
  auto next =
      std::lower_bound(free_.begin(), free_.end(), first, [](const Run& run, int64_t at) { return run.first < at; });
  bool joins_next = next != free_.end() && first + count == next->first;
  bool joins_last = next != free_.begin() && (next - 1)->first + (next - 1)->count == first;
  if (joins_last && joins_next) {
    (next - 1)->count += count + next->count;
    free_.erase(next);
  } else if (joins_last) {
    (next - 1)->count += count;
  } else if (joins_next) {
    next->first = first;
    next->count += count;
  } else {
    free_.insert(next, {first, count});
  }
}

int64_t FirstFit::available() const {
  int64_t sum = 0;
  for (const Run& run : free_) sum += run.count;
  return sum;
}

}  // namespace spar
