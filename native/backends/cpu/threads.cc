// A job is published in the lanes of the threads that are to work on it: each lane's word holds the
// job's number and how many units of the thread's run are left. Taking a unit is a compare-and-swap
// on such a word. One that succeeds proves that the job is still open, so the job's fields, written
// before the words, cannot change until the taken unit is reported done.
#include "backends/cpu/threads.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "backends/cpu/cpu_share.h"
#include "backends/cpu/futex.h"

namespace spar {
namespace {

// How long a thread looks for work, or for the end of the job, before it sleeps: longer than most of the
// gaps between regions and than a thread waits for another's last unit (20 us cost 3 % of a rollout),
// far shorter than a scheduler's slice.
constexpr auto kSpin = std::chrono::microseconds(100);
constexpr int64_t kMaxUnits = 0x7fffffff;  // of one job; more are split

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Polls until ready() or the time is over; whether it became ready.
template <class F>
bool spin_until(F&& ready) {
  for (int i = 0; i < 16; i++) {
    if (ready()) return true;
    relax();
  }
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; i++) {
      if (ready()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

uint32_t units_left(uint64_t share) { return static_cast<uint32_t>(share); }
uint32_t job_of(uint64_t share) { return static_cast<uint32_t>(share >> 32); }

// Workers take no signals: the host's handlers expect the host's threads. Faults stay deliverable.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// What one thread is given. Two cache lines, because CPUs fetch lines in pairs.
struct alignas(128) Lane {
  std::atomic<uint64_t> share{0};   // job number << 32 | units left of the thread's run
  std::atomic<uint32_t> asleep{0};  // 1: sleeps, or is about to, until this is 0
  float* scratch = nullptr;
};

}  // namespace

struct ThreadPool::State {
  // The job at hand.
  Unit unit = nullptr;
  void* arg = nullptr;
  uint32_t base = 0, longer = 0;  // units of a run; the first `longer` runs have one more
  uint32_t job = 0;               // its number

  alignas(128) std::atomic<uint32_t> pending{0};  // units not reported done
  std::atomic<uint32_t> caller_asleep{0};
  alignas(128) std::atomic<uint32_t> sleepers{0};  // lanes whose thread sleeps or is about to
  std::atomic<bool> stop{false};
  ShareMemory share_memory;

  int32_t size = 0;
  std::unique_ptr<Lane[]> lanes;
  std::vector<std::thread> workers;
  bool ok = false;

  bool take(int32_t lane, uint32_t* index);
  uint32_t work_on(int32_t thread);
  void report(uint32_t count);
  void worker(int32_t thread);
  void sleep_worker(Lane& lane, uint32_t last);
  void wake(Lane& lane);
  void publish(Unit f, void* a, uint32_t units, int32_t threads);
  void wait_done();
  void open(int32_t num_threads);
};

bool ThreadPool::State::take(int32_t lane, uint32_t* index) {
  std::atomic<uint64_t>& share = lanes[static_cast<size_t>(lane)].share;
  uint64_t seen = share.load(std::memory_order_acquire);
  while (units_left(seen) != 0)
    if (share.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      const auto runs = static_cast<uint32_t>(lane) + 1;
      *index = runs * base + std::min(runs, longer) - units_left(seen);
      return true;
    }
  return false;
}

// Runs units, the thread's own first, until none is left; how many.
uint32_t ThreadPool::State::work_on(int32_t thread) {
  uint32_t count = 0, index = 0;
  for (int32_t i = 0, lane = thread; i < size; i++, lane = lane + 1 < size ? lane + 1 : 0)
    for (; take(lane, &index); count++) unit(arg, index, thread);
  return count;
}

// The read-modify-write of `pending` on both sides orders it with caller_asleep.
void ThreadPool::State::report(uint32_t count) {
  if (pending.fetch_sub(count, std::memory_order_acq_rel) != count) return;
  if (caller_asleep.load(std::memory_order_relaxed) == 0) return;
  caller_asleep.store(0, std::memory_order_relaxed);
  futex_wake(&caller_asleep, 1);
}

void ThreadPool::State::wait_done() {
  if (spin_until([this] { return pending.load(std::memory_order_acquire) == 0; })) return;
  for (;;) {
    caller_asleep.store(1, std::memory_order_relaxed);
    if (pending.fetch_sub(0, std::memory_order_acq_rel) == 0) break;
    futex_wait(&caller_asleep, 1);
    if (pending.load(std::memory_order_acquire) == 0) break;
  }
  caller_asleep.store(0, std::memory_order_relaxed);
}

// The read-modify-write of `sleepers` here and in publish() orders `asleep` with `share`: either
// the publisher sees that this thread sleeps, or the thread sees the new job.
void ThreadPool::State::sleep_worker(Lane& lane, uint32_t last) {
  lane.asleep.store(1, std::memory_order_relaxed);
  sleepers.fetch_add(1, std::memory_order_acq_rel);
  while (job_of(lane.share.load(std::memory_order_acquire)) == last && !stop.load(std::memory_order_relaxed))
    futex_wait(&lane.asleep, 1);
  sleepers.fetch_sub(1, std::memory_order_relaxed);
  lane.asleep.store(0, std::memory_order_relaxed);
}

void ThreadPool::State::worker(int32_t thread) {
  Lane& lane = lanes[static_cast<size_t>(thread)];
  for (uint32_t last = 0;;) {
    auto called = [&] {
      return job_of(lane.share.load(std::memory_order_acquire)) != last || stop.load(std::memory_order_relaxed);
    };
    if (!spin_until(called)) sleep_worker(lane, last);
    if (stop.load(std::memory_order_relaxed)) return;
    last = job_of(lane.share.load(std::memory_order_acquire));
    const uint32_t count = work_on(thread);
    if (count > 0) report(count);
  }
}

void ThreadPool::State::wake(Lane& lane) {
  if (lane.asleep.load(std::memory_order_relaxed) == 0) return;
  lane.asleep.store(0, std::memory_order_relaxed);
  futex_wake(&lane.asleep, 1);
}

void ThreadPool::State::publish(Unit f, void* a, uint32_t units, int32_t threads) {
  const auto runs = static_cast<uint32_t>(threads);
  unit = f;
  arg = a;
  base = units / runs;
  longer = units % runs;
  pending.store(units, std::memory_order_relaxed);
  job++;
  for (uint32_t i = 0; i < runs; i++)
    lanes[i].share.store(uint64_t{job} << 32 | (base + (i < longer)), std::memory_order_release);
  if (sleepers.fetch_add(0, std::memory_order_acq_rel) == 0) return;
  for (uint32_t i = 1; i < runs; i++) wake(lanes[i]);
}

void ThreadPool::State::open(int32_t num_threads) {
  size = num_threads;
  lanes = std::make_unique<Lane[]>(static_cast<size_t>(size));
  for (int32_t i = 0; i < size; i++) {
    lanes[static_cast<size_t>(i)].scratch = static_cast<float*>(std::aligned_alloc(64, kScratchBytes));
    if (lanes[static_cast<size_t>(i)].scratch == nullptr) return;
  }
  SignalsBlocked blocked;
  for (int32_t i = 1; i < size; i++) workers.emplace_back([this, i] { worker(i); });
  ok = true;
}

ThreadPool::ThreadPool(int32_t num_threads) : state_(new (std::nothrow) State) {
  if (state_ == nullptr) return;
  try {
    state_->open(num_threads);
  } catch (...) {
    state_->ok = false;  // threads or memory are short
  }
}

ThreadPool::~ThreadPool() {
  if (state_ == nullptr) return;
  state_->stop.store(true, std::memory_order_relaxed);
  state_->sleepers.fetch_add(0, std::memory_order_acq_rel);
  for (size_t i = 0; i < state_->workers.size(); i++) state_->wake(state_->lanes[i + 1]);
  for (std::thread& worker : state_->workers) worker.join();
  for (int32_t i = 0; state_->lanes && i < state_->size; i++) std::free(state_->lanes[static_cast<size_t>(i)].scratch);
  delete state_;
}

int32_t ThreadPool::size() const { return state_->size; }
bool ThreadPool::ok() const { return state_ != nullptr && state_->ok; }
float* ThreadPool::scratch(int32_t thread) const { return state_->lanes[static_cast<size_t>(thread)].scratch; }

void ThreadPool::run(int64_t units, Unit unit, void* arg) {
  if (state_->size == 1 || units <= 1) {
    for (int64_t i = 0; i < units; i++) unit(arg, i, 0);
    return;
  }
  struct Part {
    Unit unit;
    void* arg;
    int64_t first;
  };
  auto shifted = [](void* p, int64_t i, int32_t thread) {
    auto* part = static_cast<Part*>(p);
    part->unit(part->arg, part->first + i, thread);
  };
  for (int64_t first = 0; first < units; first += kMaxUnits) {
    Part part{unit, arg, first};
    const int64_t n = std::min(units - first, kMaxUnits);
    CpuShare share(&state_->share_memory, static_cast<int32_t>(std::min<int64_t>(n, state_->size)));
    state_->publish(shifted, &part, static_cast<uint32_t>(n), share.threads());
    const uint32_t count = state_->work_on(0);
    if (count > 0) state_->report(count);
    state_->wait_done();
  }
}

}  // namespace spar
