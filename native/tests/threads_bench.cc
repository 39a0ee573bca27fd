// What a parallel region costs: ops_test --bench threads/base. A unit is a fixed chain of
// multiplications, and the cost is what a region takes beyond the share of the work that falls to
// each CPU: back to back, with a busy thread beside it, and where it finds its workers asleep.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "backends/cpu/cpu_count.h"
#include "backends/cpu/threads.h"
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// About 2 us that no thread can do for another.
void work() {
  volatile double result;
  double x = 1.0;
  for (int i = 0; i < 1300; i++) x *= 1.0000001;
  result = x;
  (void)result;
}

double median(std::vector<double>& ns) {
  std::sort(ns.begin(), ns.end());
  return ns[ns.size() / 2];
}

// Nanoseconds of one region: the median over runs of `regions` in a row, after a pause if any.
double region_ns(ThreadPool& pool, int64_t units, int regions, int runs, std::chrono::microseconds pause) {
  std::vector<double> ns;
  for (int run = 0; run < runs; run++) {
    std::this_thread::sleep_for(pause);
    const auto start = Clock::now();
    for (int i = 0; i < regions; i++) pool.parallel(units, [](int64_t, int32_t) { work(); });
    ns.push_back(ns_since(start) / regions);
  }
  return median(ns);
}

// A thread that keeps a CPU busy while it lives.
class Neighbour {
 public:
  Neighbour()
      : thread_([this] {
          while (!stop_.load(std::memory_order_relaxed)) continue;
        }) {}
  ~Neighbour() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void time_pool(int32_t n, double unit_ns) {
  ThreadPool& pool = threads(n)->threads;
  const double cpus = std::min(n, cpu_count());
  const std::chrono::microseconds none(0), asleep(1000);
  std::printf("%d threads, ns beyond the work:", n);
  for (int64_t units : {int64_t{n}, int64_t{8} * n})
    std::printf("  %lld units %6.0f", static_cast<long long>(units),
                region_ns(pool, units, 500, 9, none) - static_cast<double>(units) * unit_ns / cpus);
  std::printf("  workers asleep %6.0f", region_ns(pool, 8 * n, 1, 50, asleep) - 8 * n * unit_ns / cpus);
  Neighbour neighbour;
  std::printf("  busy neighbour %6.0f\n", region_ns(pool, 8 * n, 100, 9, none) - 8 * n * unit_ns / cpus);
}

const Registration timings_of_threads([] {
  add_bench("threads", [](Bench& b) {
    if (std::strcmp(b.family().name, "base") != 0) return;  // they belong to no family
    const double unit_ns = region_ns(threads(1)->threads, 16, 500, 9, std::chrono::microseconds(0)) / 16;
    std::printf("a unit takes %.0f ns\n", unit_ns);
    for (int32_t n : {2, 3, 7}) time_pool(n, unit_ns);
  });
});

}  // namespace
}  // namespace test
}  // namespace spar
