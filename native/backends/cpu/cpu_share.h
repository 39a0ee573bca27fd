// The CPUs of this process, shared by all its thread pools: a parallel region holds one for each
// thread that works on it, so contexts used side by side never run more threads than cpu_count().
// Safe from any thread.
#pragma once
#include <cstdint>

namespace spar {

// What one pool remembers between its regions.
struct ShareMemory {
  int32_t most = INT32_MAX;  // CPUs to ask for at most: less after others had to wait
  int32_t calm = 0;          // regions since then
};

// Holds CPUs while it lives: as many as are free, up to `wanted`; waits asleep while there is none.
class CpuShare {
 public:
  CpuShare(ShareMemory* memory, int32_t wanted);
  ~CpuShare();
  CpuShare(const CpuShare&) = delete;
  CpuShare& operator=(const CpuShare&) = delete;

  // Threads that may work, the caller's among them. More than there are CPUs only where the pool
  // was opened with more and nobody else holds any.
  int32_t threads() const { return threads_; }

 private:
  ShareMemory* memory_;
  int32_t held_, threads_;
};

}  // namespace spar
