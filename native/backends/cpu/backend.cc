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
double probe_flops(ThreadPool& threads, float (*multiply)(int64_t, double*), double seconds) {
  double flops = 0;
  *threads.scratch(0) = multiply(1, &flops);
  const auto rounds = static_cast<int64_t>(6e7 / flops);  // a quarter of a millisecond or less
  double calls = rate(threads, seconds, [&](int64_t, int32_t thread) {
    double same;
    *threads.scratch(thread) = multiply(rounds, &same);
  });
  return calls * static_cast<double>(rounds) * flops * threads.size();
}

// A block larger than most caches; every thread works on its own part of it.
struct ProbeBlock {
  explicit ProbeBlock(int32_t threads) : share((int64_t{256} << 20) / threads / 8192 * 8192), bytes(share * threads) {
    memory = static_cast<float*>(backend_alloc(bytes));
  }
  ~ProbeBlock() {
    if (memory != nullptr) backend_free(memory, bytes);
  }
  ProbeBlock(const ProbeBlock&) = delete;

  float* part(int64_t unit) const { return memory + unit * floats(); }
  int64_t floats() const { return share / static_cast<int64_t>(sizeof(float)); }

  int64_t share, bytes;
  float* memory;
};

// Read; copied, the bytes read and written; updated, likewise. Bytes a second.
void probe_memory(ThreadPool& threads, const ProbeLoops& loops, const ProbeBlock& block, double seconds,
                  spar_probe* out) {
  const auto bytes = static_cast<double>(block.bytes);
  const int64_t floats = block.floats(), half = floats / 2;
  out->read_gb_per_s = bytes / 1e9 * rate(threads, seconds, [&](int64_t unit, int32_t thread) {
                         *threads.scratch(thread) = loops.read(block.part(unit), floats);
                       });
  out->copy_gb_per_s = bytes / 1e9 * rate(threads, seconds, [&](int64_t unit, int32_t) {
                         loops.copy(block.part(unit), block.part(unit) + half, half);
                       });
  out->update_gb_per_s =
      2 * bytes / 1e9 * rate(threads, seconds, [&](int64_t unit, int32_t) { loops.update(block.part(unit), floats); });
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
  const ProbeLoops& loops = *cpu_family(isa)->probe;
  const ProbeBlock block(state->threads.size());
  if (block.memory == nullptr) return false;
  const double each = milliseconds / 5000.0;
  out->fp32_gflops = probe_flops(state->threads, loops.multiply_add, each) / 1e9;
  out->bf16_gflops = out->fp32_gflops;
  if (loops.multiply_bf16 != nullptr) out->bf16_gflops = probe_flops(state->threads, loops.multiply_bf16, each) / 1e9;
  probe_memory(state->threads, loops, block, each, out);
  return true;
}

}  // namespace spar
