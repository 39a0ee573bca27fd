// Declares the CPU kernels of one family. Each ops/<op>/cpu.cc (and ref.cc, in isa_ref) defines
// those of its op; table.cc collects them.
#pragma once
#include "core/op_table.h"

#ifndef SPAR_ISA_NS
#define SPAR_ISA_NS isa_base
#endif

namespace spar {
namespace SPAR_ISA_NS {

int64_t linear_packed_bytes(int64_t n, int64_t k, int32_t precision, int32_t direction);
void linear_pack_rows(const PackedWeight& weight, int32_t precision, int64_t n0, int64_t n1);
int32_t balance_rows(int32_t precision);
void embed_forward(const Exec&, const EmbedForward&);
void embed_backward(const Exec&, const EmbedBackward&);
void norm_forward(const Exec&, const NormForward&);
void norm_apply(const Exec&, const NormApply&);
void norm_backward(const Exec&, const NormBackward&);
void linear_prepare(const Exec&, const LinearPrepare&);
void linear_forward(const Exec&, const LinearForward&);
void linear_gated(const Exec&, const LinearGated&);
void linear_backward_input(const Exec&, const LinearBackwardInput&);
void linear_backward_weight(const Exec&, const LinearBackwardWeight&);
void rope_forward(const Exec&, const RopeForward&);
void rope_backward(const Exec&, const RopeBackward&);
void attention_forward(const Exec&, const AttentionForward&);
void attention_backward(const Exec&, const AttentionBackward&);
void attention_decode(const Exec&, const AttentionDecode&);
void kv_write(const Exec&, const KvWrite&);
void act_forward(const Exec&, const ActForward&);
void act_backward(const Exec&, const ActBackward&);
void head_forward(const Exec&, const HeadForward&);
void head_backward(const Exec&, const HeadBackward&);
void gather(const Exec&, const Gather&);
void scatter(const Exec&, const Scatter&);
void grad_norm(const Exec&, const GradNorm&);
void optimizer_update(const Exec&, const OptimizerUpdate&);
void sample(const Exec&, const Sample&);

extern const OpTable table;

}  // namespace SPAR_ISA_NS
}  // namespace spar
