// Work of one op call, as its op.h states it.
#pragma once
#include "core/op_list.h"

namespace spar {

struct OpCost {
  int64_t flops = 0, bytes = 0;
};

OpCost op_cost(const Exec& exec, const OpArgs& args);

}  // namespace spar
