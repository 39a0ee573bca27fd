// The kernel families of this build and which of them this machine runs.
#pragma once
#include "backends/cpu/probe.h"
#include "core/op_table.h"

namespace spar {

struct CpuFamily {
  int32_t isa;
  const OpTable* table;
  const ProbeLoops* probe;
};

// The family, or NULL when this machine or build does not have it.
const CpuFamily* cpu_family(int32_t isa);

}  // namespace spar
