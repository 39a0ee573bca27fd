// First-fit runs of a line of units: bytes of an arena, tokens of a key/value pool.
#pragma once
#include <cstdint>
#include <vector>

namespace spar {

class FirstFit {
 public:
  explicit FirstFit(int64_t capacity);

  // The first unit of the lowest free run of `count` units, now taken; -1 when there is none.
  int64_t take(int64_t count);
  // Gives a run back; it must have been taken with this first and count.
  void give(int64_t first, int64_t count);
  int64_t available() const;

 private:
  struct Run {
    int64_t first, count;
  };
  std::vector<Run> free_;  // ascending, never adjacent
};

}  // namespace spar
