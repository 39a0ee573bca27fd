// What an op's test.cc and bench.cc need. A test.cc registers cases; the runner (ops_test.cc) runs
// each of them with the kernels of every family that this machine has.
//
//   static void forward(Check& c, int64_t m, int64_t k) {
//     const float* x = c.input(m * 2 * k, 1);           // random, must not be written
//     float *y = c.output(m * k), *truth = c.output(m * k), *plain = c.output(m * k);
//     const ActForward a{c.rows(m), x, y, k};
//     c.kernels().act_forward(c.exec(2), a);            // the family under test
//     ...the same into truth with c.reference(), into plain with a sequential float loop
//     c.near("y", y, truth, plain, m * k);
//   }
//   static const Registration cases([] {
//     add_case("act", "m=3,k=5", [](Check& c) { forward(c, 3, 5); });
//     add_planted("act", "last row skipped", [](OpTable& t) { t.act_forward = skip_last_row; });
//   });
//
// A planted bug replaces a kernel by a function that calls genuine() and spoils one thing;
// `ops_test --planted` fails unless some case of the op notices. Buffers belong to the Check, are
// 64-byte aligned with guard bands on both sides, and are inspected when the case returns.
// Everything here is for one thread; kernels bring their own.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/exec.h"
#include "core/op_table.h"

namespace spar {
namespace test {

// A kernel family that can run here.
struct Family {
  int32_t isa;       // SPAR_ISA_
  const char* name;  // "avx512"
  const OpTable* table;
};

// Those of this machine: ref, base, then the wider ones.
const std::vector<Family>& families();
// The unspoiled kernels of the family being tested; for planted bugs.
const OpTable& genuine();
// A pool of n threads, kept until the end of the program.
BackendState* threads(int32_t n);
// The thread counts that must give the same bits.
constexpr int32_t kThreadCounts[] = {1, 2, 3, 7};

class Check {
 public:
  Check(const Family& family, const OpTable& kernels);
  ~Check();
  Check(const Check&) = delete;

  const Family& family() const { return family_; }
  const OpTable& kernels() const { return kernels_; }
  const OpTable& reference() const;
  Exec exec(int32_t num_threads, int32_t precision = SPAR_FP32) const { return {threads(num_threads), precision}; }

  // Uniform in [low, high), fixed by seed. An input must not be written by kernels; inout may be.
  const float* input(int64_t count, uint64_t seed, float low = -1, float high = 1);
  float* inout(int64_t count, uint64_t seed, float low = -1, float high = 1);
  // Integers in [0, below), fixed by seed.
  const int32_t* ids(int64_t count, uint64_t seed, int32_t below);
  // Filled with NaN.
  float* output(int64_t count);
  // Any other memory: bytes of 0xff.
  void* raw(int64_t bytes);
  float* copy(const float* from, int64_t count);
  // A row count as ops take it.
  const int32_t* rows(int64_t m);

  // The tolerance rule: largest and root-mean-square error of got against truth are at most twice
  // those of plain (the same formula in sequential float arithmetic) plus 2^-22 of the largest
  // truth. NaN anywhere fails.
  void near(const char* what, const float* got, const float* truth, const float* plain, int64_t count);
  void same_bits(const char* what, const float* got, const float* want, int64_t count);
  __attribute__((format(printf, 3, 4))) void expect(bool ok, const char* format, ...);

  // Inspects guard bands and inputs, gives their memory back. The runner calls it after each case.
  void finish();
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  struct Buffer;
  char* allocate(int64_t bytes);
  void freeze();

  Family family_;
  const OpTable& kernels_;
  std::vector<Buffer> buffers_;
  std::vector<std::string> failures_;
};

// Rates of the machine, probed just before with the same family and number of threads.
enum class Rate { kFp32, kBf16, kRead, kCopy, kUpdate };

// What can bound an op: the unit that its flops use, and the way its bytes go. kBf16 is the rate of
// the family's bf16 products; it equals kFp32 where they are done in fp32.
struct Limits {
  Rate multiply = Rate::kFp32;
  Rate memory = Rate::kRead;
};

// Timings of one family.
class Bench {
 public:
  Bench(const Family& family, int32_t num_threads);
  ~Bench();
  Bench(const Bench&) = delete;
  const Family& family() const { return family_; }
  const OpTable& kernels() const { return *family_.table; }
  Exec exec(int32_t precision = SPAR_FP32) const { return {threads(num_threads_), precision}; }
  // Backend memory filled with random numbers in [-1, 1); lives until release() or the end.
  float* data(int64_t count, uint64_t seed);
  void release();
  // One line: label, best and median rate, and the share of the limit that is nearer: the best time
  // against flops at the one rate or bytes at the other, whichever takes longer. flops and bytes
  // are those of one run. The label names the model or the shape ("forward SmolLM2-135M m=256").
  // Unless rows is 0, nanoseconds per row are printed too. Runs after the first find in the caches
  // what fits there; a bench of streaming gives every run other memory.
  void time(const std::string& label, double flops, double bytes, int64_t rows, const std::function<void()>& run,
            Limits limits = {});

 private:
  double rate(Rate which) const { return rates_[static_cast<int>(which)]; }

  Family family_;
  int32_t num_threads_;
  struct Memory {
    float* data;
    int64_t bytes;
  };
  double rates_[5] = {};  // GFLOP/s and GB/s, by Rate
  std::vector<Memory> memory_;
};

void add_case(const char* op, const std::string& name, std::function<void(Check&)> run);
void add_planted(const char* op, const char* bug, std::function<void(OpTable&)> spoil);
void add_bench(const char* op, std::function<void(Bench&)> run);

// Runs f when the program starts; a test.cc keeps one with its add_ calls.
struct Registration {
  explicit Registration(void (*f)()) { f(); }
};

// What was registered, in order; for the runner.
struct Case {
  std::string op, name;
  std::function<void(Check&)> run;
};
struct Planted {
  std::string op, bug;
  std::function<void(OpTable&)> spoil;
};
struct Timing {
  std::string op;
  std::function<void(Bench&)> run;
};
std::vector<Case>& cases();
std::vector<Planted>& planted();
std::vector<Timing>& timings();
void set_genuine(const OpTable* table);

}  // namespace test
}  // namespace spar
