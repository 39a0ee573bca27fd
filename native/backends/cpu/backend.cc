// Opening and probing the CPU backend.
#include "core/backend.h"

#include <chrono>
#include <new>

#include "backends/cpu/families.h"
#include "backends/cpu/threads.h"

namespace spar {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Runs work(thread's share) on all threads again and again for about `seconds`; calls per second.
template <class F>
double rate(ThreadPool& threads, double seconds, F&& work) {
  const int64_t units = threads.size();
  threads.parallel(units, work);  // wakes threads and clocks
  const auto start = Clock::now();
  int64_t calls = 0;
  do {
    threads.parallel(units, work);
    calls++;
  } while (seconds_since(start) < seconds);
  return static_cast<double>(calls) / seconds_since(start);
}

// Results go to the thread's scratch, where the compiler must leave them.
double probe_flops(ThreadPool& threads, const ProbeLoops& loops, double seconds) {
  constexpr int64_t kRounds = 200000;
  double flops = 0;
  *threads.scratch(0) = loops.multiply_add(1, &flops);
  double calls = rate(threads, seconds, [&](int64_t, int32_t thread) {
    double same;
    *threads.scratch(thread) = loops.multiply_add(kRounds, &same);
  });
  return calls * static_cast<double>(kRounds) * flops * threads.size();
}

// Every thread reads its own part of a block larger than most caches; 0 without memory for it.
double probe_read(ThreadPool& threads, const ProbeLoops& loops, double seconds) {
  const int64_t share = (int64_t{256} << 20) / threads.size() / 4096 * 4096;
  const int64_t bytes = share * threads.size();
  auto* memory = static_cast<float*>(backend_alloc(bytes));
  if (memory == nullptr) return 0;
  const int64_t floats = share / static_cast<int64_t>(sizeof(float));
  double calls = rate(threads, seconds, [&](int64_t unit, int32_t thread) {
    *threads.scratch(thread) = loops.read(memory + unit * floats, floats);
  });
  backend_free(memory, bytes);
  return calls * static_cast<double>(bytes);
}

}  // namespace

BackendState* backend_open(int32_t num_threads) {
  auto* state = new (std::nothrow) BackendState(num_threads);
  if (state == nullptr || state->threads.ok()) return state;
  delete state;
  return nullptr;
}

void backend_close(BackendState* state) { delete state; }

bool backend_probe(BackendState* state, int32_t isa, int32_t milliseconds, spar_probe* out) {
  const CpuFamily* family = cpu_family(isa);
  const double half = milliseconds / 2000.0;
  out->fp32_gflops = probe_flops(state->threads, *family->probe, half) / 1e9;
  out->read_gb_per_s = probe_read(state->threads, *family->probe, half) / 1e9;
  return out->read_gb_per_s > 0;
}

}  // namespace spar
