// Work is claimed by compare-and-swap on one word: the job's number in the high half, units left in
// the low half. A claim that succeeds proves that the job is still open, so its fields, written
// before the word was published, cannot change until the claimed unit is reported done.
#include "backends/cpu/threads.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace spar {
namespace {

// How long a thread looks for work, or for the end of the job, before it sleeps: longer than the
// gap between two ops, far shorter than a scheduler's slice.
constexpr auto kSpin = std::chrono::microseconds(20);
constexpr int64_t kMaxUnits = 0x7fffffff;  // of one job; more are split

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// Polls until ready() or the time is over; whether it became ready.
template <class F>
bool spin_until(F&& ready) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; i++) {
      if (ready()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

uint32_t units_left(uint64_t ticket) { return static_cast<uint32_t>(ticket); }

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

}  // namespace

struct ThreadPool::State {
  // The job at hand.
  Unit unit = nullptr;
  void* arg = nullptr;
  uint32_t units = 0;

  alignas(64) std::atomic<uint64_t> ticket{0};  // job number << 32 | units left
  alignas(64) std::atomic<uint32_t> done{0};    // units reported
  std::atomic<int32_t> sleeping{0};             // workers on `work`
  std::atomic<bool> caller_sleeping{false};
  std::atomic<bool> stop{false};

  std::mutex mutex;
  std::condition_variable work, finished;
  std::vector<std::thread> workers;
  std::vector<float*> scratch;
  bool ok = false;

  bool claim(uint32_t* unit_index);
  uint32_t work_on(int32_t thread);
  void report(uint32_t count);
  bool has_work() const { return units_left(ticket.load(std::memory_order_seq_cst)) != 0; }
  void worker(int32_t thread);
  void sleep_worker();
  void publish(Unit f, void* a, uint32_t n);
  void wait_done();
};

bool ThreadPool::State::claim(uint32_t* unit_index) {
  uint64_t seen = ticket.load(std::memory_order_acquire);
  while (units_left(seen) != 0)
    if (ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      *unit_index = units - units_left(seen);
      return true;
    }
  return false;
}

// Runs units until none is left; how many.
uint32_t ThreadPool::State::work_on(int32_t thread) {
  uint32_t count = 0, index = 0;
  for (; claim(&index); count++) unit(arg, index, thread);
  return count;
}

void ThreadPool::State::report(uint32_t count) {
  const uint32_t all = units;
  if (done.fetch_add(count, std::memory_order_seq_cst) + count != all) return;
  if (!caller_sleeping.load(std::memory_order_seq_cst)) return;
  { std::lock_guard<std::mutex> lock(mutex); }
  finished.notify_one();
}

void ThreadPool::State::sleep_worker() {
  std::unique_lock<std::mutex> lock(mutex);
  sleeping.fetch_add(1, std::memory_order_seq_cst);
  work.wait(lock, [this] { return has_work() || stop.load(std::memory_order_relaxed); });
  sleeping.fetch_sub(1, std::memory_order_seq_cst);
}

void ThreadPool::State::worker(int32_t thread) {
  while (!stop.load(std::memory_order_relaxed)) {
    if (!spin_until([this] { return has_work() || stop.load(std::memory_order_relaxed); })) sleep_worker();
    uint32_t count = work_on(thread);
    if (count > 0) report(count);
  }
}

void ThreadPool::State::publish(Unit f, void* a, uint32_t n) {
  unit = f;
  arg = a;
  units = n;
  done.store(0, std::memory_order_relaxed);
  uint64_t job = (ticket.load(std::memory_order_relaxed) >> 32) + 1;
  ticket.store(job << 32 | n, std::memory_order_seq_cst);
  int32_t asleep = sleeping.load(std::memory_order_seq_cst);
  if (asleep == 0) return;
  { std::lock_guard<std::mutex> lock(mutex); }
  // The caller takes one unit itself.
  for (uint32_t i = 1; i < n && asleep > 0; i++, asleep--) work.notify_one();
}

void ThreadPool::State::wait_done() {
  auto complete = [this] { return done.load(std::memory_order_seq_cst) == units; };
  if (spin_until(complete)) return;
  caller_sleeping.store(true, std::memory_order_seq_cst);
  {
    std::unique_lock<std::mutex> lock(mutex);
    finished.wait(lock, complete);
  }
  caller_sleeping.store(false, std::memory_order_relaxed);
}

ThreadPool::ThreadPool(int32_t num_threads) : state_(new (std::nothrow) State) {
  if (state_ == nullptr) return;
  try {
    for (int32_t i = 0; i < num_threads; i++) {
      auto* memory = static_cast<float*>(std::aligned_alloc(64, kScratchBytes));
      if (memory == nullptr) return;
      state_->scratch.push_back(memory);
    }
    SignalsBlocked blocked;
    State* state = state_;
    for (int32_t i = 1; i < num_threads; i++) state_->workers.emplace_back([state, i] { state->worker(i); });
    state_->ok = true;
  } catch (...) {
    state_->ok = false;  // threads or memory are short
  }
}

ThreadPool::~ThreadPool() {
  if (state_ == nullptr) return;
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->stop.store(true, std::memory_order_relaxed);
  }
  state_->work.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
  for (float* memory : state_->scratch) std::free(memory);
  delete state_;
}

int32_t ThreadPool::size() const { return static_cast<int32_t>(state_->scratch.size()); }
bool ThreadPool::ok() const { return state_ != nullptr && state_->ok; }
float* ThreadPool::scratch(int32_t thread) const { return state_->scratch[static_cast<size_t>(thread)]; }

void ThreadPool::run(int64_t units, Unit unit, void* arg) {
  if (state_->workers.empty() || units <= 1) {
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
    const int64_t n = units - first < kMaxUnits ? units - first : kMaxUnits;
    state_->publish(shifted, &part, static_cast<uint32_t>(n));
    uint32_t count = state_->work_on(0);
    if (count > 0) state_->report(count);
    state_->wait_done();
  }
}

}  // namespace spar
