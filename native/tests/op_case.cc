// Buffers, comparisons and timings of op tests: see op_case.h.
#include "tests/op_case.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>

#include "backends/cpu/threads.h"
#include "core/backend.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#endif

namespace spar {

namespace test {

const std::vector<Family>& families() {
  static const std::vector<Family> found = [] {
    constexpr struct {
      int32_t isa;
      const char* name;
    } kNames[] = {{SPAR_ISA_REF, "ref"},
                  {SPAR_ISA_BASE, "base"},
                  {SPAR_ISA_AVX2, "avx2"},
                  {SPAR_ISA_AVX512, "avx512"},
                  {SPAR_ISA_AVX512BF16, "avx512bf16"},
                  {SPAR_ISA_AMX, "amx"}};
    std::vector<Family> f;
    for (const auto& n : kNames)
      if (const OpTable* table = backend_table(n.isa)) f.push_back({n.isa, n.name, table});
    return f;
  }();
  return found;
}

static const OpTable* genuine_table;
const OpTable& genuine() { return *genuine_table; }
void set_genuine(const OpTable* table) { genuine_table = table; }

BackendState* threads(int32_t n) {
  static std::map<int32_t, std::unique_ptr<BackendState>> pools;
  auto& pool = pools[n];
  if (!pool) pool = std::make_unique<BackendState>(n);
  if (!pool->threads.ok()) {
    std::fprintf(stderr, "cannot start %d threads: lower the process limit or free memory\n", n);
    std::exit(2);
  }
  return pool.get();
}

std::vector<Case>& cases() {
  static std::vector<Case> list;
  return list;
}
std::vector<Planted>& planted() {
  static std::vector<Planted> list;
  return list;
}
std::vector<Timing>& timings() {
  static std::vector<Timing> list;
  return list;
}
void add_case(const char* op, const std::string& name, std::function<void(Check&)> run) {
  cases().push_back({op, name, std::move(run)});
}
void add_planted(const char* op, const char* bug, std::function<void(OpTable&)> spoil) {
  planted().push_back({op, bug, std::move(spoil)});
}
void add_bench(const char* op, std::function<void(Bench&)> run) { timings().push_back({op, std::move(run)}); }

// The i-th number of a seeded sequence (SplitMix64).
static uint64_t random_bits(uint64_t seed, int64_t i) {
  uint64_t z = seed * 0xd1342543de82ef95u + (static_cast<uint64_t>(i) + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void fill_random(float* p, int64_t count, uint64_t seed, float low, float high) {
  for (int64_t i = 0; i < count; i++)
    p[i] = low + (high - low) * static_cast<float>(random_bits(seed, i) >> 40) * 0x1p-24f;
}

constexpr int64_t kGuardBytes = 256;
constexpr unsigned char kGuard = 0xa5;

// memory = guard, the bytes handed out, guard.
struct Check::Buffer {
  char* memory;
  int64_t bytes;
  bool frozen;
  uint64_t digest;  // of a frozen buffer

  char* data() const { return memory + kGuardBytes; }
  uint64_t hash() const {
    uint64_t h = 0xcbf29ce484222325u;
    for (int64_t i = 0; i < bytes; i++) h = (h ^ static_cast<unsigned char>(data()[i])) * 0x100000001b3u;
    return h;
  }
  bool guards_intact() const {
    for (int64_t i = 0; i < kGuardBytes; i++)
      if (static_cast<unsigned char>(memory[i]) != kGuard || static_cast<unsigned char>(data()[bytes + i]) != kGuard)
        return false;
    return true;
  }
};

Check::Check(const Family& family, const OpTable& kernels) : family_(family), kernels_(kernels) {}

Check::~Check() { finish(); }

const OpTable& Check::reference() const { return (*backend_table(SPAR_ISA_REF)); }

char* Check::allocate(int64_t bytes) {
  const size_t whole = static_cast<size_t>((bytes + 2 * kGuardBytes + 63) / 64 * 64);
  char* memory = static_cast<char*>(std::aligned_alloc(64, whole));
  if (!memory) {
    std::fprintf(stderr, "out of memory: a test needs %zu bytes\n", whole);
    std::exit(2);
  }
  std::memset(memory, kGuard, whole);
  std::memset(memory + kGuardBytes, 0xff, static_cast<size_t>(bytes));
  buffers_.push_back({memory, bytes, false, 0});
  // Planted bugs must reach the guard bands, so those are poisoned only for genuine kernels.
  if (&kernels_ == family_.table) {
    ASAN_POISON_MEMORY_REGION(memory, kGuardBytes);
    ASAN_POISON_MEMORY_REGION(memory + kGuardBytes + bytes, kGuardBytes);
  }
  return memory + kGuardBytes;
}

void Check::freeze() {
  Buffer& b = buffers_.back();
  b.frozen = true;
  b.digest = b.hash();
}

const float* Check::input(int64_t count, uint64_t seed, float low, float high) {
  float* p = inout(count, seed, low, high);
  freeze();
  return p;
}

float* Check::inout(int64_t count, uint64_t seed, float low, float high) {
  float* p = output(count);
  fill_random(p, count, seed, low, high);
  return p;
}

const int32_t* Check::ids(int64_t count, uint64_t seed, int32_t below) {
  int32_t* p = static_cast<int32_t*>(raw(count * 4));
  for (int64_t i = 0; i < count; i++) p[i] = static_cast<int32_t>(random_bits(seed, i) % static_cast<uint64_t>(below));
  freeze();
  return p;
}

// 0xff in every byte is a NaN.
float* Check::output(int64_t count) { return static_cast<float*>(raw(count * 4)); }

void* Check::raw(int64_t bytes) { return allocate(bytes); }

float* Check::copy(const float* from, int64_t count) {
  float* p = output(count);
  std::memcpy(p, from, static_cast<size_t>(count) * 4);
  return p;
}

const int32_t* Check::rows(int64_t m) {
  int32_t* p = static_cast<int32_t*>(raw(4));
  *p = static_cast<int32_t>(m);
  freeze();
  return p;
}

// Largest and root-mean-square difference; infinite when a value is NaN.
struct Error {
  double largest = 0, rms = 0;
  int64_t at = 0;
  Error(const float* got, const float* truth, int64_t count) {
    double squares = 0;
    for (int64_t i = 0; i < count; i++) {
      double d = std::fabs(static_cast<double>(got[i]) - static_cast<double>(truth[i]));
      if (got[i] == truth[i]) d = 0;  // equal infinities
      if (std::isnan(d)) d = std::numeric_limits<double>::infinity();
      if (d > largest) largest = d, at = i;
      squares += d * d;
    }
    rms = count ? std::sqrt(squares / static_cast<double>(count)) : 0;
  }
};

void Check::near(const char* what, const float* got, const float* truth, const float* plain, int64_t count) {
  double size = 0;
  for (int64_t i = 0; i < count; i++)
    if (std::isfinite(truth[i])) size = std::max(size, std::fabs(static_cast<double>(truth[i])));
  const Error e(got, truth, count), yardstick(plain, truth, count);
  const double floor = 0x1p-22 * size;
  expect(std::isfinite(yardstick.largest), "%s: the plain float version has a NaN or infinite error at %lld", what,
         static_cast<long long>(yardstick.at));
  expect(e.largest <= 2 * yardstick.largest + floor && e.rms <= 2 * yardstick.rms + floor,
         "%s: error %.3g (rms %.3g), allowed %.3g (rms %.3g); element %lld is %.9g, truth %.9g", what, e.largest, e.rms,
         2 * yardstick.largest + floor, 2 * yardstick.rms + floor, static_cast<long long>(e.at),
         count ? static_cast<double>(got[e.at]) : 0, count ? static_cast<double>(truth[e.at]) : 0);
}

void Check::same_bits(const char* what, const float* got, const float* want, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (std::memcmp(got + i, want + i, 4) == 0) continue;
    return expect(false, "%s: bits differ at %lld: %.9g and %.9g", what, static_cast<long long>(i),
                  static_cast<double>(got[i]), static_cast<double>(want[i]));
  }
}

void Check::expect(bool ok, const char* format, ...) {
  if (ok) return;
  char text[400];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  failures_.push_back(text);
}

void Check::finish() {
  for (size_t i = 0; i < buffers_.size(); i++) {
    const Buffer& b = buffers_[i];
    ASAN_UNPOISON_MEMORY_REGION(b.memory, kGuardBytes);
    ASAN_UNPOISON_MEMORY_REGION(b.data() + b.bytes, kGuardBytes);
    expect(b.guards_intact(), "buffer %zu (%lld bytes): written outside its bounds", i,
           static_cast<long long>(b.bytes));
    expect(!b.frozen || b.digest == b.hash(), "buffer %zu (%lld bytes): an input was written", i,
           static_cast<long long>(b.bytes));
    std::free(b.memory);
  }
  buffers_.clear();
}

Bench::Bench(const Family& family, int32_t num_threads) : family_(family), num_threads_(num_threads) {
  // The best of several short probes: a neighbour that takes the CPU must not raise our share.
  for (int i = 0; i < 3; i++) {
    spar_probe probe = {};
    probe.size = sizeof probe;
    backend_probe(threads(num_threads), family.isa, 100, &probe);
    const double seen[] = {probe.fp32_gflops, probe.bf16_gflops, probe.read_gb_per_s, probe.copy_gb_per_s,
                           probe.update_gb_per_s};
    for (int k = 0; k < 5; k++) rates_[k] = std::max(rates_[k], seen[k]);
  }
}

Bench::~Bench() { release(); }

void Bench::release() {
  for (const Memory& m : memory_) backend_free(m.data, m.bytes);
  memory_.clear();
}

float* Bench::data(int64_t count, uint64_t seed) {
  const int64_t bytes = count * 4;
  float* p = static_cast<float*>(backend_alloc(bytes));
  if (!p) {
    std::fprintf(stderr, "out of memory: a timing needs %lld bytes\n", static_cast<long long>(bytes));
    std::exit(2);
  }
  memory_.push_back({p, bytes});
  fill_random(p, count, seed, -1, 1);
  return p;
}

void Bench::time(const std::string& label, double flops, double bytes, int64_t rows, const std::function<void()>& run,
                 Limits limits) {
  static const char* const kNames[] = {"fp32", "bf16", "read", "copy", "update"};
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  run();
  for (double spent = 0; (spent < 0.2 && seconds.size() < 2000) || seconds.size() < 5; spent += seconds.back()) {
    const auto start = Clock::now();
    run();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double best = seconds.front() * 1e9, median = seconds[seconds.size() / 2] * 1e9;
  const double multiplying = flops / rate(limits.multiply), moving = bytes / rate(limits.memory);
  const Rate nearer = multiplying > moving ? limits.multiply : limits.memory;
  std::printf("%-48s %8.1f GFLOP/s (median %8.1f) %6.1f GB/s %4.0f%% of %-6s %9.1f us", label.c_str(), flops / best,
              flops / median, bytes / best, 100 * std::max(multiplying, moving) / best,
              kNames[static_cast<int>(nearer)], best * 1e-3);
  if (rows) std::printf(" %9.1f ns/row", best / static_cast<double>(rows));
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace test
}  // namespace spar
