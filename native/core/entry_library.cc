#include <cstring>

#include "core/backend.h"

#ifndef SPAR_BUILD
#define SPAR_BUILD "unknown"
#endif

namespace {

// In order of declaration in spar.h.
const int64_t kStructSizes[] = {
    sizeof(spar_info),       sizeof(spar_context_desc), sizeof(spar_op_profile),      sizeof(spar_probe),
    sizeof(spar_model_spec), sizeof(spar_model_desc),   sizeof(spar_tensor),          sizeof(spar_segment),
    sizeof(spar_batch_desc), sizeof(spar_batch_arrays), sizeof(spar_forward_desc),    sizeof(spar_optimizer_desc),
    sizeof(spar_step_desc),  sizeof(spar_step_result),  sizeof(spar_optimizer_state), sizeof(spar_sampler_desc),
    sizeof(spar_request),    sizeof(spar_progress),     sizeof(spar_completion),      sizeof(spar_plan_desc),
    sizeof(spar_plan),
};

}  // namespace

extern "C" int32_t spar_library_info(spar_info* out) {
  if (out == nullptr || out->size != static_cast<int64_t>(sizeof *out)) return SPAR_E_INVALID;
  spar_info info{};
  info.size = sizeof info;
  info.abi_version = SPAR_ABI_VERSION;
  std::strncpy(info.build, SPAR_BUILD, sizeof info.build - 1);
  std::memcpy(info.struct_sizes, kStructSizes, sizeof kStructSizes);
  spar::backend_info(&info);
  *out = info;
  return SPAR_OK;
}
