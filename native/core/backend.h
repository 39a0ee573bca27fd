// What a backend gives the core. One library holds one backend; these are resolved at link time.
#pragma once
#include <cstdint>

#include "core/op_table.h"
#include "include/spar.h"

namespace spar {

// Fills cpu, isa_best, isa_mask, cpu_count and backend of *out.
void backend_info(spar_info* out);
// The kernels of one family; NULL when this machine or build does not have it.
const OpTable* backend_table(int32_t isa);
// The family to run: AUTO is the widest of this machine.
inline int32_t choose_isa(int32_t wanted) {
  if (wanted != SPAR_ISA_AUTO) return wanted;
  spar_info info{};
  backend_info(&info);
  return info.isa_best;
}
// Threads, streams. NULL when out of memory. num_threads >= 1.
BackendState* backend_open(int32_t num_threads);
void backend_close(BackendState* state);
// 64-byte aligned, zeroed and resident; NULL when out of memory.
void* backend_alloc(int64_t bytes);
void backend_free(void* memory, int64_t bytes);
// Zeroes memory of backend_alloc with all threads.
void backend_zero(BackendState* state, void* memory, int64_t bytes);
// Peaks of the machine with the kernels of `isa`, measured for about milliseconds. False when out
// of memory.
bool backend_probe(BackendState* state, int32_t isa, int32_t milliseconds, spar_probe* out);

}  // namespace spar
