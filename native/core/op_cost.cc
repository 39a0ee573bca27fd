#include "core/op_cost.h"

#include <algorithm>

namespace spar {
namespace {

// Query-key pairs that are computed: causal inside a segment, whole prefixes, cut by the window.
int64_t visible(int64_t keys, int64_t window) { return window > 0 ? std::min(keys, window) : keys; }

int64_t visible_pairs(const BatchView& batch, int64_t window) {
  int64_t pairs = 0;
  for (int32_t s = 0; s < batch.segments; s++) {
    int64_t before = 0;
    for (int32_t p = batch.segment[s].prefix; p >= 0; p = batch.segment[p].prefix) before += batch.segment[p].num_rows;
    for (int64_t i = 1; i <= batch.segment[s].num_rows; i++) pairs += visible(before + i, window);
  }
  return pairs;
}

int64_t visible_pairs(const DecodeView& decode, int64_t window) {
  int64_t pairs = 0;
  for (int32_t m = 0; m < decode.rows; m++) pairs += visible(decode.prefix[m].count + decode.own[m].count, window);
  return pairs;
}

int64_t heads_width(const AttentionShape& s) { return int64_t{s.heads} * s.head_dim; }
int64_t qkv_width(const AttentionShape& s) { return (int64_t{s.heads} + 2 * int64_t{s.kv_heads}) * s.head_dim; }

struct Cost {
  const Exec& exec;

  int64_t weight_bytes(const PackedWeight& w) const { return w.n * w.k * (exec.precision == SPAR_BF16 ? 2 : 4); }
  OpCost product(int64_t m, const PackedWeight& w) const {
    return {2 * m * w.n * w.k, 4 * (m * w.k + m * w.n) + weight_bytes(w)};
  }

  OpCost operator()(const ZeroRows& a) const { return {0, 4 * *a.rows * a.c}; }
  OpCost operator()(const EmbedForward& a) const { return {0, 8 * *a.rows * a.c}; }
  OpCost operator()(const EmbedBackward& a) const { return {*a.rows * a.c, 12 * *a.rows * a.c}; }
  OpCost operator()(const NormForward& a) const { return {4 * *a.rows * a.c, 8 * *a.rows * a.c}; }
  OpCost operator()(const NormApply& a) const { return {2 * *a.rows * a.c, 8 * *a.rows * a.c}; }
  OpCost operator()(const NormBackward& a) const { return {9 * *a.rows * a.c, 16 * *a.rows * a.c}; }
  OpCost operator()(const LinearPrepare& a) const {
    int64_t panels = a.weight.backward == nullptr ? 1 : 2;
    return {0, 4 * a.weight.n * a.weight.k + panels * weight_bytes(a.weight)};
  }
  OpCost operator()(const LinearForward& a) const {
    OpCost cost = product(*a.rows, a.weight);
    if (a.residual != nullptr) cost.bytes += 4 * *a.rows * a.weight.n;
    return cost;
  }
  OpCost operator()(const LinearGated& a) const {
    const int64_t m = *a.rows, n = a.weight.n, written = a.keep != 0 ? n + n / 2 : n / 2;
    return {2 * m * n * a.weight.k + 6 * m * n, 4 * m * (a.weight.k + written) + weight_bytes(a.weight)};
  }
  OpCost operator()(const LinearBackwardInput& a) const { return product(*a.rows, a.weight); }
  OpCost operator()(const LinearBackwardWeight& a) const {
    int64_t m = *a.rows;
    return {2 * m * a.n * a.k, 4 * (m * a.k + m * a.n) + 8 * a.n * a.k};
  }
  OpCost rope(int64_t m, const RopeShape& s) const {
    int64_t rotated = m * (int64_t{s.heads} + s.kv_heads) * s.head_dim;
    int64_t moved = m * (int64_t{s.heads} + 2 * int64_t{s.kv_heads}) * s.head_dim;
    return {3 * rotated + (s.q_norm != nullptr ? 4 * rotated : 0), 8 * moved};
  }
  OpCost operator()(const RopeForward& a) const { return rope(*a.rows, a.shape); }
  OpCost operator()(const RopeBackward& a) const { return rope(*a.rows, a.shape); }
  OpCost operator()(const AttentionForward& a) const {
    int64_t pairs = visible_pairs(*a.batch, a.shape.window), m = a.batch->rows;
    return {4 * heads_width(a.shape) * pairs, 4 * m * (qkv_width(a.shape) + heads_width(a.shape))};
  }
  OpCost operator()(const AttentionBackward& a) const {
    int64_t pairs = visible_pairs(*a.batch, a.shape.window), m = a.batch->rows;
    return {10 * heads_width(a.shape) * pairs, 8 * m * (qkv_width(a.shape) + heads_width(a.shape))};
  }
  OpCost operator()(const AttentionDecode& a) const {
    int64_t pairs = visible_pairs(*a.decode, a.shape.window);
    int64_t key_bytes = 2 * pool_element_bytes(exec.precision) * a.shape.kv_heads * a.shape.head_dim;
    return {4 * heads_width(a.shape) * pairs, key_bytes * pairs};
  }
  OpCost operator()(const KvWrite& a) const {
    int64_t element = 8 + 2 * pool_element_bytes(exec.precision);
    return {0, element * int64_t{a.decode->rows} * a.kv_heads * a.head_dim};
  }
  OpCost operator()(const ActBackward& a) const { return {20 * *a.rows * a.f, 24 * *a.rows * a.f}; }
  OpCost operator()(const HeadForward& a) const {
    int64_t t = *a.rows;
    return {2 * t * a.weight.n * a.weight.k, weight_bytes(a.weight) + 8 * t * a.weight.n};
  }
  OpCost operator()(const HeadBackward& a) const {
    int64_t t = *a.rows;
    return {6 * t * a.weight.n * a.weight.k, weight_bytes(a.weight) + 8 * t * a.weight.n};
  }
  OpCost operator()(const Gather& a) const { return {0, 8 * *a.rows * a.c}; }
  OpCost operator()(const Scatter& a) const { return {0, 4 * *a.rows * a.c + 4 * *a.out_rows * a.c}; }
  OpCost operator()(const GradNorm& a) const { return {2 * a.count, 4 * a.count}; }
  OpCost operator()(const OptimizerUpdate& a) const {
    bool adam = a.kind == SPAR_OPTIM_ADAMW;
    OpCost cost{(adam ? 14 : 9) * a.count, (adam ? 32 : 24) * a.count};
    for (const void* copy : {a.weight.forward, a.weight.backward})
      if (copy != nullptr) cost.bytes += weight_bytes(a.weight);
    return cost;
  }
  OpCost operator()(const Sample& a) const { return {10 * *a.rows * a.v, 4 * *a.rows * a.v}; }
};

}  // namespace

OpCost op_cost(const Exec& exec, const OpArgs& args) { return std::visit(Cost{exec}, args); }

}  // namespace spar
