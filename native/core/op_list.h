// Every op that a program can hold: argument type and name. The order is that of the variant.
#pragma once
#include <variant>

#include "core/op_table.h"

namespace spar {

// out [*rows, C] = 0: what ops that accumulate start from. Done by the backend itself.
struct ZeroRows {
  const int32_t* rows;
  float* out;
  int64_t c;
};

#define SPAR_TABLE_OPS(X)                         \
  X(EmbedForward, embed_forward)                  \
  X(EmbedBackward, embed_backward)                \
  X(NormForward, norm_forward)                    \
  X(NormApply, norm_apply)                        \
  X(NormBackward, norm_backward)                  \
  X(LinearPrepare, linear_prepare)                \
  X(LinearForward, linear_forward)                \
  X(LinearGated, linear_gated)                    \
  X(LinearBackwardInput, linear_backward_input)   \
  X(LinearBackwardWeight, linear_backward_weight) \
  X(RopeForward, rope_forward)                    \
  X(RopeBackward, rope_backward)                  \
  X(AttentionForward, attention_forward)          \
  X(AttentionBackward, attention_backward)        \
  X(AttentionDecode, attention_decode)            \
  X(KvWrite, kv_write)                            \
  X(ActBackward, act_backward)                    \
  X(HeadForward, head_forward)                    \
  X(HeadBackward, head_backward)                  \
  X(Gather, gather)                               \
  X(Scatter, scatter)                             \
  X(GradNorm, grad_norm)                          \
  X(OptimizerUpdate, optimizer_update)            \
  X(Sample, sample)

#define SPAR_VARIANT_ITEM(Args, name) , Args
using OpArgs = std::variant<ZeroRows SPAR_TABLE_OPS(SPAR_VARIANT_ITEM)>;
#undef SPAR_VARIANT_ITEM

constexpr int kOpKinds = static_cast<int>(std::variant_size_v<OpArgs>);

#define SPAR_NAME_ITEM(Args, name) , #name
constexpr const char* kOpNames[] = {"zero_rows" SPAR_TABLE_OPS(SPAR_NAME_ITEM)};
#undef SPAR_NAME_ITEM

static_assert(sizeof kOpNames / sizeof *kOpNames == kOpKinds, "one name for each kind of op");

}  // namespace spar
