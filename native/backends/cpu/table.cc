// The op table of one kernel family; compiled once per family.
#include "backends/cpu/kernels.h"

#define SPAR_STRING2(x) #x
#define SPAR_STRING(x) SPAR_STRING2(x)

namespace spar {
namespace SPAR_ISA_NS {

// fp32 weights are twice the bytes and bf16 units twice the arithmetic or more; tiles a lot more.
int32_t balance_rows(int32_t precision) {
#if defined(__AMX_BF16__)
  return precision == SPAR_BF16 ? 128 : 32;
#else
  (void)precision;
  return 32;
#endif
}

const OpTable table = {
    "cpu/" SPAR_STRING(SPAR_ISA_NS),
    linear_packed_bytes,
    linear_pack_rows,
    balance_rows,
    embed_forward,
    embed_backward,
    norm_forward,
    norm_apply,
    norm_backward,
    linear_prepare,
    linear_forward,
    linear_gated,
    linear_backward_input,
    linear_backward_weight,
    rope_forward,
    rope_backward,
    attention_forward,
    attention_backward,
    attention_decode,
    kv_write,
    act_forward,
    act_backward,
    head_forward,
    head_backward,
    gather,
    scatter,
    grad_norm,
    optimizer_update,
    sample,
};

}  // namespace SPAR_ISA_NS
}  // namespace spar
