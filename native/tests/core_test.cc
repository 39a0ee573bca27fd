// The parts of the core and of the CPU backend that the ABI does not show.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "backends/cpu/cpu_count.h"
#include "backends/cpu/threads.h"
#include "core/arena.h"
#include "core/batch.h"
#include "core/optimizer.h"
#include "core/philox.h"
#include "core/sampler.h"

namespace {

using namespace spar;

int failures = 0;

#define CHECK(condition)                                                 \
  do {                                                                   \
    if (condition) break;                                                \
    failures++;                                                          \
    std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
  } while (0)

uint32_t next_random(uint64_t* state) {
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<uint32_t>(*state >> 33);
}

void test_first_fit() {
  FirstFit pool(10);
  CHECK(pool.take(4) == 0 && pool.take(3) == 4 && pool.take(4) == -1 && pool.take(3) == 7);
  CHECK(pool.take(1) == -1 && pool.available() == 0);
  pool.give(0, 4);
  pool.give(7, 3);
  CHECK(pool.take(5) == -1 && pool.available() == 7);
  pool.give(4, 3);
  CHECK(pool.take(10) == 0);

  // Against a map of single units.
  constexpr int kUnits = 64;
  FirstFit runs(kUnits);
  std::vector<bool> used(kUnits);
  std::vector<std::pair<int64_t, int64_t>> held;
  uint64_t state = 3;
  for (int step = 0; step < 5000; step++) {
    if (next_random(&state) % 2 == 0 && !held.empty()) {
      size_t i = next_random(&state) % held.size();
      runs.give(held[i].first, held[i].second);
      for (int64_t u = 0; u < held[i].second; u++) used[static_cast<size_t>(held[i].first + u)] = false;
      held.erase(held.begin() + static_cast<int64_t>(i));
      continue;
    }
    int64_t count = 1 + next_random(&state) % 9, want = -1, run = 0;
    for (int64_t u = 0; u < kUnits && want < 0; u++) {
      run = used[static_cast<size_t>(u)] ? 0 : run + 1;
      if (run == count) want = u - count + 1;
    }
    int64_t got = runs.take(count);
    CHECK(got == want);
    if (got < 0) continue;
    for (int64_t u = 0; u < count; u++) used[static_cast<size_t>(got + u)] = true;
    held.push_back({got, count});
  }
}

void test_arena() {
  Arena arena(nullptr);
  float* a = arena.take<float>(3);
  float* b = arena.take<float>(100);
  CHECK(reinterpret_cast<uintptr_t>(b) == 64 && arena.bytes() == 64 + 448);
  arena.drop(a);
  CHECK(arena.take<char>(64) == reinterpret_cast<char*>(a));
  arena.drop(b);
  CHECK(arena.take<double>(10) == reinterpret_cast<double*>(b) && arena.bytes() == 64 + 448);
}

// Known answers of the authors' Random123 library.
void test_philox() {
  CHECK((philox(0, {0, 0, 0, 0}) == PhiloxWords{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  CHECK((philox(~uint64_t{0}, {~0u, ~0u, ~0u, ~0u}) == PhiloxWords{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK((philox(0x299f31d0a4093822, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
         PhiloxWords{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  CHECK(philox_uniform(0, {0, 0, 0, 0}) == static_cast<double>(0xe169c58d6627e8d5u >> 11) * 0x1p-53);
  double sum = 0;
  for (uint32_t i = 0; i < 4096; i++) {
    double u = philox_uniform(7, {i, 1, 2, 3});
    CHECK(u >= 0 && u < 1);
    sum += u;
  }
  CHECK(sum > 4096 * 0.48 && sum < 4096 * 0.52);
}

void test_threads() {
  for (int32_t size : {1, 2, 3, 8}) {
    ThreadPool pool(size);
    CHECK(pool.ok() && pool.size() == size);
    for (int64_t units : {0, 1, 2, 3, 1000}) {
      std::vector<int> count(static_cast<size_t>(units), 0);
      std::atomic<bool> in_range{true};
      auto body = [&](int64_t unit, int32_t thread) {
        count[static_cast<size_t>(unit)]++;
        pool.scratch(thread)[kScratchBytes / 4 - 1] = 1;
        if (thread < 0 || thread >= size) in_range = false;
      };
      pool.parallel(units, body);
      for (int n : count) CHECK(n == 1);
      CHECK(in_range);
    }
    // Short jobs one after the other, now and then with time to fall asleep.
    int64_t sum = 0;
    for (int job = 0; job < 3000; job++) {
      int64_t part[4] = {0, 0, 0, 0};
      pool.parallel(4, [&](int64_t unit, int32_t) { part[unit] = unit + job; });
      sum += part[0] + part[1] + part[2] + part[3];
      if (job % 500 == 0) usleep(2000);
    }
    CHECK(sum == int64_t{4} * 2999 * 3000 / 2 + 3000 * 6);
  }
}

// Pools in use at the same time share the CPUs: never more threads inside units than there are
// CPUs, every unit runs once, and a pool that is alone again gets all its threads.
void test_shared_cpus() {
  const int32_t cpus = cpu_count();
  std::atomic<int32_t> inside{0}, most{0};
  std::atomic<bool> right{true};
  auto host = [&](int64_t units) {
    ThreadPool pool(std::max(cpus, 2));
    std::vector<int64_t> value(static_cast<size_t>(units));
    for (int job = 1; job <= 400; job++) {
      pool.parallel(units, [&](int64_t unit, int32_t) {
        const int32_t now = inside.fetch_add(1) + 1;
        for (int32_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
        for (volatile int i = 0; i < 500; i = i + 1) continue;
        value[static_cast<size_t>(unit)] += unit + job;
        inside.fetch_sub(1);
      });
      if (job % 100 == 0) usleep(500);
    }
    for (int64_t unit = 0; unit < units; unit++)
      if (value[static_cast<size_t>(unit)] != 400 * unit + 400 * 401 / 2) right = false;
  };
  std::vector<std::thread> hosts;
  for (int64_t units : {2, 7, 33}) hosts.emplace_back(host, units);
  for (std::thread& thread : hosts) thread.join();
  CHECK(right);
  CHECK(most <= std::max(cpus, 2));

  const int32_t size = cpus + 2;  // more threads than CPUs on request, when nobody else is there
  ThreadPool pool(size);
  std::atomic<int32_t> met{0};
  pool.parallel(size, [&](int64_t, int32_t) {
    met.fetch_add(1);
    while (met.load() < size) usleep(10);
  });
  CHECK(met == size);
}

void test_memory() {
  for (int64_t bytes : {int64_t{1}, int64_t{65}, int64_t{1} << 20, (int64_t{5} << 20) + 12345}) {
    auto* memory = static_cast<char*>(backend_alloc(bytes));
    CHECK(memory != nullptr && reinterpret_cast<uintptr_t>(memory) % 64 == 0);
    for (int64_t i = 0; i < bytes; i += 997) CHECK(memory[i] == 0);
    std::memset(memory, 7, static_cast<size_t>(bytes));
    BackendState state(2);
    backend_zero(&state, memory, bytes - 1);
    int64_t left = 0;
    for (int64_t i = 0; i < bytes; i++) left += memory[i];
    CHECK(left == 7);
    backend_free(memory, bytes);
  }
  CHECK(backend_alloc(int64_t{1} << 52) == nullptr);
}

// A control-group tree in a folder of its own.
class Tree {
 public:
  Tree() {
    char name[] = "/tmp/spar-cgroup-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~Tree() {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) std::remove(path->c_str());
    rmdir(root_.c_str());
  }
  void write(const std::string& path, const std::string& text) {
    for (size_t at = 1; (at = path.find('/', at)) != std::string::npos; at++)
      if (mkdir((root_ + path.substr(0, at)).c_str(), 0700) == 0) made_.push_back(root_ + path.substr(0, at));
    std::ofstream(root_ + path) << text;
    made_.push_back(root_ + path);
  }
  double cpus() const { return cgroup_cpus(root_.c_str()); }

 private:
  std::string root_;
  std::vector<std::string> made_;
};

void test_cpu_count() {
  CHECK(cpu_count() >= 1);
  {
    Tree none;
    CHECK(none.cpus() == 0);
  }
  {
    Tree v2;
    v2.write("/proc/self/cgroup", "0::/a/b\n");
    v2.write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    CHECK(v2.cpus() == 0);
    v2.write("/sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    CHECK(v2.cpus() == 2.5);
    v2.write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    CHECK(v2.cpus() == 0.5);
  }
  Tree v1;
  v1.write("/proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/host/only/path\n");
  v1.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
  v1.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(v1.cpus() == 1.5);
  v1.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  CHECK(v1.cpus() == 0);
}

// What the plan says is what the open calls take, byte for byte.
void check_plan(int features, int32_t precision, int32_t trainable) {
  const double inv_freq[] = {1, 0.5, 0.1};
  spar_model_spec spec{};
  spec.size = sizeof spec;
  spec.vocab_size = 101;
  spec.hidden_size = 24;
  spec.num_layers = 3;
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 6;
  spec.intermediate_size = 40;
  spec.max_positions = 50;
  spec.tie_embeddings = features & 1;
  spec.qkv_bias = features >> 1 & 1;
  spec.qk_norm = features >> 2 & 1;
  spec.norm_eps = 1e-6f;
  spec.rope_scale = 1;
  spec.rope_inv_freq = inv_freq;
  spar_model_desc desc{sizeof desc, precision, trainable};
  spar_batch_desc batch_desc{sizeof batch_desc, 70, 9, 33, trainable};
  spar_sampler_desc sampler_desc{sizeof sampler_desc, 90, 0, 300};
  const int32_t kind = !trainable ? -1 : (features & 1) != 0 ? SPAR_OPTIM_ADAMW : SPAR_OPTIM_RMSPROP;
  spar_plan plan{};
  plan.size = sizeof plan;
  const spar_plan_desc planned{sizeof planned, SPAR_ISA_AUTO, kind};
  CHECK(spar_plan_bytes(&planned, &spec, &desc, &batch_desc, &sampler_desc, &plan) == SPAR_OK);

  spar_context* context = nullptr;
  spar_context_desc context_desc{sizeof context_desc, 1, SPAR_ISA_AUTO, nullptr};
  CHECK(spar_context_open(&context_desc, &context) == SPAR_OK);
  int64_t before = 0;
  auto grown = [&] {
    int64_t by = context->allocated - before;
    before = context->allocated;
    return by;
  };
  spar_model* model = nullptr;
  CHECK(spar_model_open(context, &spec, &desc, &model) == SPAR_OK);
  CHECK(grown() == plan.weight_bytes + plan.gradient_bytes + plan.packed_bytes);
  CHECK(model->layout.parameters == plan.parameters);
  spar_batch* batch = nullptr;
  CHECK(spar_batch_open(model, &batch_desc, &batch) == SPAR_OK);
  CHECK(grown() == plan.batch_bytes);
  spar_sampler* sampler = nullptr;
  CHECK(spar_sampler_open(model, &sampler_desc, &sampler) == SPAR_OK);
  CHECK(grown() == plan.sampler_bytes);
  spar_optimizer* optimizer = nullptr;
  if (trainable) {
    spar_optimizer_desc d{sizeof d, kind, 0, 0.9, 0.99, 1e-8, 0};
    CHECK(spar_optimizer_open(model, &d, &optimizer) == SPAR_OK);
    CHECK(grown() == plan.optimizer_bytes);
    CHECK(spar_optimizer_close(optimizer) == SPAR_OK);
  }
  CHECK(spar_sampler_close(sampler) == SPAR_OK && spar_batch_close(batch) == SPAR_OK);
  CHECK(spar_model_close(model) == SPAR_OK && context->allocated == 0);
  CHECK(spar_context_close(context) == SPAR_OK);
}

void test_plan() {
  for (int features = 0; features < 8; features++)
    for (int32_t precision : {SPAR_FP32, SPAR_BF16})
      for (int32_t trainable : {0, 1}) check_plan(features, precision, trainable);
}

}  // namespace

int main() {
  test_first_fit();
  test_arena();
  test_philox();
  test_threads();
  test_shared_cpus();
  test_memory();
  test_cpu_count();
  test_plan();
  return failures > 0;
}
