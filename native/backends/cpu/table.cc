// The op table of one kernel family; compiled once per family.
#include "backends/cpu/kernels.h"

#define SPAR_STRING2(x) #x
#define SPAR_STRING(x) SPAR_STRING2(x)

namespace spar {
namespace SPAR_ISA_NS {

const OpTable table = {
    "cpu/" SPAR_STRING(SPAR_ISA_NS),
    linear_packed_bytes,
    linear_pack_rows,
    embed_forward,
    embed_backward,
    norm_forward,
    norm_apply,
    norm_backward,
    linear_prepare,
    linear_forward,
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
