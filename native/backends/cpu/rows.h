// How elementwise ops walk rows: in units of whole rows of at most kBlockFloats floats, each
// row in vectors with one short vector at its end. Small calls are one unit. Bits do not depend on
// the cut into units.
#pragma once
#include "backends/cpu/threads.h"
#include "backends/cpu/vec.h"
#include "core/exec.h"

namespace spar {
namespace SPAR_ISA_NS {

constexpr int64_t kBlockFloats = 16384;
constexpr int64_t kAloneFloats = 4096;  // about 1 us of work

// The n <= kLanes lanes at p, zeros behind.
SPAR_INLINE vf load_part(const float* p, int n) { return n == kLanes ? load(p) : load_some(p, n, 0); }
SPAR_INLINE void store_part(float* p, vf v, int n) { n == kLanes ? store(p, v) : store_some(p, v, n); }

// Fetch the line of p[i] to read or to write it, ahead of the hardware, which stops at pages of 4 KiB. Past the end of
// an array they do nothing.
constexpr int64_t kAhead = 512;  // floats
SPAR_INLINE const void* line_of(const float* p, int64_t i) {
  return reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(i * 4));
}
SPAR_INLINE void fetch(const float* p, int64_t i) { __builtin_prefetch(line_of(p, i)); }
SPAR_INLINE void fetch_to_write(const float* p, int64_t i) { __builtin_prefetch(line_of(p, i), 1); }

// Calls f(c, n) for the vectors of a row: n lanes from c on.
template <class F>
SPAR_INLINE void each_vector(int64_t count, F f) {
  int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes) f(c, kLanes);
  if (c < count) f(c, static_cast<int>(count - c));
}

// Copies a row, each vector through f, while the row that will be copied next is fetched.
template <class F>
SPAR_INLINE void copy_row(const float* from, const float* next, int64_t count, float* to, F f) {
  each_vector(count, [=](int64_t c, int n) {
    fetch(next, c);
    store_part(to + c, f(load_part(from + c, n)), n);
  });
}

// Calls f(first, last) for blocks [first, last) that cover [0, rows): as many for every thread, or
// one where handing work over costs more than it saves.
template <class F>
SPAR_INLINE void parallel_rows(const Exec& exec, int64_t rows, int64_t width, F f) {
  const int64_t threads = exec.backend->threads.size(), whole = rows * width / kBlockFloats + 1;
  const int64_t wanted = rows * width <= kAloneFloats ? 1 : (whole + threads - 1) / threads * threads;
  const int64_t block = wanted < rows ? (rows + wanted - 1) / wanted : 1;
  exec.backend->threads.parallel((rows + block - 1) / block, [&](int64_t unit, int32_t) {
    const int64_t first = unit * block;
    f(first, first + block < rows ? first + block : rows);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
