// The CPU backend's thread pool. A parallel region cuts its units into one run for each thread, the
// same runs every time; a thread that is through with its own takes units of the others'. So which
// thread runs a unit is not fixed: a unit must write only what is its own and never a shared sum.
#pragma once
#include <cstdint>
#include <type_traits>

namespace spar {

constexpr int64_t kScratchBytes = 3 << 19;  // three quarters of a second cache of 2 MiB

class ThreadPool {
 public:
  // num_threads >= 1, the caller of parallel() among them. The others sleep while there is no work.
  explicit ThreadPool(int32_t num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int32_t size() const;
  // False when threads or scratch could not be had; then the pool must not be used.
  bool ok() const;

  // Calls f(unit, thread) once for each unit in [0, units), on the caller and the workers, and
  // returns when all are done. One unit runs on the caller. Regions of pools that are in use at the
  // same time share the process's CPUs (cpu_share.h). Not reentrant.
  template <class F>
  void parallel(int64_t units, F&& f) {
    using Body = std::remove_reference_t<F>;
    void* body = const_cast<void*>(static_cast<const void*>(&f));
    run(
        units, [](void* arg, int64_t unit, int32_t thread) { (*static_cast<Body*>(arg))(unit, thread); }, body);
  }

  // kScratchBytes of 64-byte aligned memory of one thread, free to use inside a unit.
  float* scratch(int32_t thread) const;

 private:
  using Unit = void (*)(void* arg, int64_t unit, int32_t thread);
  void run(int64_t units, Unit unit, void* arg);
  struct State;
  State* state_;
};

struct BackendState {
  explicit BackendState(int32_t num_threads) : threads(num_threads) {}
  ThreadPool threads;
};

}  // namespace spar
