// The optimizer handle.
#pragma once
#include "core/model.h"

struct spar_optimizer {
  spar_model* model = nullptr;
  spar_optimizer_desc desc{};
  spar::Memory first, second;  // P floats each; RMSProp has no second
  int64_t step = 0;            // steps taken
};

namespace spar {

// State vectors of an optimizer kind; 0 for an unknown kind.
inline int64_t optimizer_vectors(int32_t kind) {
  if (kind == SPAR_OPTIM_ADAMW) return 2;
  return kind == SPAR_OPTIM_RMSPROP ? 1 : 0;
}

}  // namespace spar
