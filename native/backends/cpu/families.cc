#include "backends/cpu/families.h"

#include <cstring>

#include "backends/cpu/cpu_count.h"
#include "core/backend.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace spar {

#define SPAR_FAMILY(name)                \
  namespace isa_##name {                 \
    extern const OpTable table;          \
    extern const ProbeLoops probe_loops; \
  }
SPAR_FAMILY(ref)
SPAR_FAMILY(base)
#if defined(__x86_64__)
SPAR_FAMILY(avx2)
SPAR_FAMILY(avx512)
SPAR_FAMILY(avx512bf16)
SPAR_FAMILY(amx)
#endif

namespace {

const CpuFamily kFamilies[] = {
    {SPAR_ISA_REF, &isa_ref::table, &isa_ref::probe_loops},
    {SPAR_ISA_BASE, &isa_base::table, &isa_base::probe_loops},
#if defined(__x86_64__)
    {SPAR_ISA_AVX2, &isa_avx2::table, &isa_avx2::probe_loops},
    {SPAR_ISA_AVX512, &isa_avx512::table, &isa_avx512::probe_loops},
    {SPAR_ISA_AVX512BF16, &isa_avx512bf16::table, &isa_avx512bf16::probe_loops},
    {SPAR_ISA_AMX, &isa_amx::table, &isa_amx::probe_loops},
#endif
};

#if defined(__x86_64__)

struct CpuidWords {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidWords cpuid(uint32_t leaf, uint32_t part) {
  CpuidWords w;
  if (__get_cpuid_count(leaf, part, &w.eax, &w.ebx, &w.ecx, &w.edx) == 0) return {};
  return w;
}

// Register state that the operating system saves; 0 when it does not tell.
uint64_t saved_state() {
  constexpr uint32_t kOsXsave = 1u << 27;
  if ((cpuid(1, 0).ecx & kOsXsave) == 0) return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }
bool has_state(uint64_t bits) { return (saved_state() & bits) == bits; }

bool runs_avx2() {
  constexpr uint32_t kFmaAvx = 1u << 12 | 1u << 28, kAvx2Bmi2 = 1u << 5 | 1u << 8;
  return has_state(0x6) && has(cpuid(1, 0).ecx, kFmaAvx) && has(cpuid(7, 0).ebx, kAvx2Bmi2);
}

bool runs_avx512() {
  constexpr uint32_t kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  return runs_avx2() && has_state(0xe6) && has(cpuid(7, 0).ebx, kF | kDq | kBw | kVl);
}

bool runs_avx512bf16() {
  constexpr uint32_t kBf16 = 1u << 5;
  return runs_avx512() && has(cpuid(7, 1).eax, kBf16);
}

// Tiles are off until the process asks Linux for their state, once; it stays granted.
bool tiles_granted() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool runs_amx() {
  constexpr uint32_t kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  constexpr uint64_t kTileState = 0x60000;
  static const bool runs =
      runs_avx512bf16() && has_state(kTileState) && has(cpuid(7, 0).edx, kAmxBf16 | kAmxTile) && tiles_granted();
  return runs;
}

void cpu_name(char* out, size_t capacity) {
  char name[49] = "";
  for (uint32_t i = 0; i < 3; i++) {
    CpuidWords w = cpuid(0x80000002u + i, 0);
    std::memcpy(name + 16 * i, &w, sizeof w);
  }
  const char* begin = name;
  while (*begin == ' ') begin++;
  std::strncpy(out, *begin != '\0' ? begin : "x86-64", capacity - 1);
}

#else

bool runs_avx2() { return false; }
bool runs_avx512() { return false; }
bool runs_avx512bf16() { return false; }
bool runs_amx() { return false; }
void cpu_name(char* out, size_t capacity) { std::strncpy(out, "unknown", capacity - 1); }

#endif

int32_t runnable_mask() {
  int32_t mask = 1 << SPAR_ISA_REF | 1 << SPAR_ISA_BASE;
  if (runs_avx2()) mask |= 1 << SPAR_ISA_AVX2;
  if (runs_avx512()) mask |= 1 << SPAR_ISA_AVX512;
  if (runs_avx512bf16()) mask |= 1 << SPAR_ISA_AVX512BF16;
  if (runs_amx()) mask |= 1 << SPAR_ISA_AMX;
  return mask;
}

}  // namespace

const CpuFamily* cpu_family(int32_t isa) {
  for (const CpuFamily& family : kFamilies)
    if (family.isa == isa && (runnable_mask() >> isa & 1) != 0) return &family;
  return nullptr;
}

const OpTable* backend_table(int32_t isa) {
  const CpuFamily* family = cpu_family(isa);
  return family == nullptr ? nullptr : family->table;
}

void backend_info(spar_info* out) {
  out->isa_mask = runnable_mask();
  out->isa_best = SPAR_ISA_BASE;
  for (int32_t isa = SPAR_ISA_AVX2; isa <= SPAR_ISA_AMX; isa++)
    if ((out->isa_mask >> isa & 1) != 0) out->isa_best = isa;
  out->cpu_count = cpu_count();
  std::strncpy(out->backend, "cpu", sizeof out->backend - 1);
  cpu_name(out->cpu, sizeof out->cpu);
}

}  // namespace spar
