// Totals per kind of op while profiling is on.
#pragma once
#include <cstdint>

#include "core/op_list.h"

namespace spar {

struct OpTotals {
  int64_t calls = 0, time_ns = 0, flops = 0, bytes = 0;
};

struct Profile {
  bool on = false;
  OpTotals ops[kOpKinds];
};

}  // namespace spar
