// The rope op for one kernel family: see op.h.
#include <cstring>

#include "backends/cpu/bf16_vec.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"
#include "ops/norm/row.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

// What a cached key or value may be: any float, or in bf16 precision a bfloat16.
template <bool kBf16>
SPAR_INLINE vf cached(vf x) {
  return kBf16 ? round_bf16(x) : x;
}

// Turns the pairs (u[i], u[i + half]) by the angles of cos and sin; u may be out.
template <bool kBf16>
SPAR_INLINE void rotate(const float* u, const float* cos, const float* sin, int64_t half, float* out) {
  each_vector(half, [=](int64_t i, int n) {
    const vf c = load_part(cos + i, n), s = load_part(sin + i, n);
    const vf low = load_part(u + i, n), high = load_part(u + half + i, n);
    fetch_to_write(out, i + kAhead);
    fetch_to_write(out, half + i + kAhead);
    store_part(out + i, cached<kBf16>(low * c - high * s), n);
    store_part(out + half + i, cached<kBf16>(high * c + low * s), n);
  });
}

SPAR_INLINE void rotate_back(float* u, const float* cos, const float* sin, int64_t half) {
  each_vector(half, [=](int64_t i, int n) {
    const vf c = load_part(cos + i, n), s = load_part(sin + i, n);
    const vf low = load_part(u + i, n), high = load_part(u + half + i, n);
    fetch_to_write(u, i + kAhead);
    fetch_to_write(u, half + i + kAhead);
    store_part(u + i, low * c + high * s, n);
    store_part(u + half + i, high * c - low * s, n);
  });
}

// From d (norm x) to d x in place; dw, of this head's kind, accumulates.
SPAR_INLINE void norm_back(float* d, const float* x, const float* w, float eps, int64_t count, float* dw) {
  const float rstd = row_rstd(x, count, eps);
  const vf scale = splat(rstd), along = splat(row_along(d, x, w, count) * rstd * rstd);
  each_vector(count, [=](int64_t i, int n) {
    const vf g = load_part(d + i, n), v = load_part(x + i, n);
    store_part(dw + i, load_part(dw + i, n) + g * v * scale, n);
    store_part(d + i, scale * (g * load_part(w + i, n) - v * along), n);
  });
}

template <bool kBf16>
void forward_row(const RopeForward& a, int64_t m) {
  const RopeShape& shape = a.shape;
  const int64_t D = shape.head_dim, heads = shape.heads + shape.kv_heads, values = shape.kv_heads * D;
  const int64_t row = m * (heads * D + values), table = a.position[m] * (D / 2);
  for (int64_t h = 0; h < heads; h++) {
    const float* in = a.qkv + row + h * D;
    float* out = a.out + row + h * D;
    const float* w = h < shape.heads ? shape.q_norm : shape.k_norm;
    if (w != nullptr) {
      row_scale(in, w, row_rstd(in, D, shape.eps), D, out);
      in = out;
    }
    rotate<kBf16>(in, shape.cos + table, shape.sin + table, D / 2, out);
  }
  if (!kBf16 && a.out == a.qkv) return;
  const float* value = a.qkv + row + heads * D;
  float* out = a.out + row + heads * D;
  each_vector(values, [=](int64_t c, int n) { store_part(out + c, cached<kBf16>(load_part(value + c, n)), n); });
}

// partial: [2 D], the row's parts of dq_norm and dk_norm are added to it.
void backward_row(const RopeBackward& a, int64_t m, float* partial) {
  const RopeShape& shape = a.shape;
  const int64_t D = shape.head_dim, heads = shape.heads + shape.kv_heads;
  const int64_t row = m * (heads + shape.kv_heads) * D, table = a.position[m] * (D / 2);
  for (int64_t h = 0; h < heads; h++) {
    float* d = a.d + row + h * D;
    rotate_back(d, shape.cos + table, shape.sin + table, D / 2);
    const float* w = h < shape.heads ? shape.q_norm : shape.k_norm;
    if (w != nullptr) norm_back(d, a.qkv + row + h * D, w, shape.eps, D, partial + (h < shape.heads ? 0 : D));
  }
}

// dw[i] += the blocks' parts in order.
void add_blocks(const float* partial, int64_t blocks, int64_t stride, int64_t count, float* dw) {
  each_vector(count, [=](int64_t i, int n) {
    vf total = splat(0);
    for (int64_t block = 0; block < blocks; block++) total += load_part(partial + block * stride + i, n);
    store_part(dw + i, load_part(dw + i, n) + total, n);
  });
}

}  // namespace

void rope_forward(const Exec& exec, const RopeForward& args) {
  const RopeForward a = args;
  const int64_t width = int64_t{a.shape.heads + 2 * a.shape.kv_heads} * a.shape.head_dim;
  const bool bf16 = exec.precision == SPAR_BF16;
  parallel_rows(exec, *a.rows, width, [&](int64_t first, int64_t last) {
    for (int64_t m = first; m < last; m++) bf16 ? forward_row<true>(a, m) : forward_row<false>(a, m);
  });
}

void rope_backward(const Exec& exec, const RopeBackward& args) {
  const RopeBackward a = args;
  const int64_t rows = *a.rows, D = a.shape.head_dim, blocks = (rows + kNormRowBlock - 1) / kNormRowBlock;
  const bool qk_norm = a.shape.q_norm != nullptr || a.shape.k_norm != nullptr;
  exec.backend->threads.parallel(blocks, [&](int64_t block, int32_t) {
    float* partial = a.partial + block * 2 * D;
    if (qk_norm) std::memset(partial, 0, static_cast<size_t>(2 * D) * 4);
    const int64_t end = (block + 1) * kNormRowBlock < rows ? (block + 1) * kNormRowBlock : rows;
    for (int64_t m = block * kNormRowBlock; m < end; m++) backward_row(a, m, partial);
  });
  if (a.shape.q_norm != nullptr) add_blocks(a.partial, blocks, 2 * D, D, a.dq_norm);
  if (a.shape.k_norm != nullptr) add_blocks(a.partial + D, blocks, 2 * D, D, a.dk_norm);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
