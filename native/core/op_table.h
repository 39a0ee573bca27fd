// The op table: every kernel of one backend and kernel family, by argument type.
#pragma once
#include "ops/act/op.h"
#include "ops/attention/op.h"
#include "ops/attention_decode/op.h"
#include "ops/copy/op.h"
#include "ops/embed/op.h"
#include "ops/grad_norm/op.h"
#include "ops/head/op.h"
#include "ops/kv_write/op.h"
#include "ops/linear/op.h"
#include "ops/norm/op.h"
#include "ops/optimizer/op.h"
#include "ops/rope/op.h"
#include "ops/sample/op.h"

namespace spar {

template <class Args>
using Kernel = void (*)(const Exec&, const Args&);

struct OpTable {
  const char* name;  // "cpu/avx512"
  LinearPackedBytes linear_packed_bytes;
  LinearPackRows linear_pack_rows;
  // Rows of a product whose arithmetic takes about as long as reading the weights.
  int32_t (*balance_rows)(int32_t precision);
  Kernel<EmbedForward> embed_forward;
  Kernel<EmbedBackward> embed_backward;
  Kernel<NormForward> norm_forward;
  Kernel<NormApply> norm_apply;
  Kernel<NormBackward> norm_backward;
  Kernel<LinearPrepare> linear_prepare;
  Kernel<LinearForward> linear_forward;
  Kernel<LinearGated> linear_gated;
  Kernel<LinearBackwardInput> linear_backward_input;
  Kernel<LinearBackwardWeight> linear_backward_weight;
  Kernel<RopeForward> rope_forward;
  Kernel<RopeBackward> rope_backward;
  Kernel<AttentionForward> attention_forward;
  Kernel<AttentionBackward> attention_backward;
  Kernel<AttentionDecode> attention_decode;
  Kernel<KvWrite> kv_write;
  Kernel<ActForward> act_forward;  // the last part of linear_gated
  Kernel<ActBackward> act_backward;
  Kernel<HeadForward> head_forward;
  Kernel<HeadBackward> head_backward;
  Kernel<Gather> gather;
  Kernel<Scatter> scatter;
  Kernel<GradNorm> grad_norm;
  Kernel<OptimizerUpdate> optimizer_update;
  Kernel<Sample> sample;
};

}  // namespace spar
