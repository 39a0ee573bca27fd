// One word says how many CPUs are free (low half) and how many regions wait for one (high half).
// Who comes leaves a CPU for each of those who wait, so nobody starves. A pool that made others
// wait asks for less next time: two pools settle at half of the CPUs each, without hand-overs.
#include "backends/cpu/cpu_share.h"

#include <algorithm>
#include <atomic>

#include "backends/cpu/cpu_count.h"
#include "backends/cpu/futex.h"

namespace spar {
namespace {

constexpr uint32_t kOneWaits = 1u << 16;
constexpr int32_t kMostCpus = 0x7fff;
// Regions without anybody waiting after which a pool asks for all CPUs again.
constexpr int32_t kCalmRegions = 256;

int32_t free_of(uint32_t state) { return static_cast<int32_t>(state & 0xffff); }
int32_t waiting_of(uint32_t state) { return static_cast<int32_t>(state >> 16); }

struct Cpus {
  const int32_t count = std::min(cpu_count(), kMostCpus);
  alignas(64) std::atomic<uint32_t> state{static_cast<uint32_t>(count)};
};

Cpus& cpus() {
  static Cpus all;
  return all;
}

// Takes up to `wanted` CPUs, or none. A newcomer leaves one for each that waits; one of those
// (waited = 1, it ceases to wait) takes its own and what the others leave.
int32_t take(std::atomic<uint32_t>& state, int32_t wanted, int32_t waited) {
  uint32_t seen = state.load(std::memory_order_relaxed);
  for (;;) {
    const int32_t free = free_of(seen), left = std::max(free - (waiting_of(seen) - waited), 0);
    const int32_t n = std::min({wanted, free, std::max(left, waited)});
    if (n == 0) return 0;
    const uint32_t next = seen - static_cast<uint32_t>(n) - static_cast<uint32_t>(waited) * kOneWaits;
    if (state.compare_exchange_weak(seen, next, std::memory_order_acquire, std::memory_order_relaxed)) return n;
  }
}

int32_t wait_and_take(std::atomic<uint32_t>& state, int32_t wanted) {
  state.fetch_add(kOneWaits, std::memory_order_relaxed);
  for (;;) {
    if (const int32_t n = take(state, wanted, 1)) return n;
    const uint32_t seen = state.load(std::memory_order_relaxed);
    if (free_of(seen) == 0) futex_wait(&state, seen);
  }
}

}  // namespace

CpuShare::CpuShare(ShareMemory* memory, int32_t wanted) : memory_(memory) {
  Cpus& all = cpus();
  const int32_t ask = std::min({wanted, all.count, memory->most});
  held_ = take(all.state, ask, 0);
  if (held_ == 0) held_ = wait_and_take(all.state, ask);
  threads_ = held_ == all.count ? wanted : held_;
}

CpuShare::~CpuShare() {
  std::atomic<uint32_t>& state = cpus().state;
  const int32_t waiting = waiting_of(state.fetch_add(static_cast<uint32_t>(held_), std::memory_order_release));
  if (waiting > 0) {
    futex_wake(&state, held_);
    *memory_ = {std::max(held_ - waiting, 1), 0};
  } else if (memory_->most != INT32_MAX && ++memory_->calm >= kCalmRegions) {
    *memory_ = {};
  }
}

}  // namespace spar
