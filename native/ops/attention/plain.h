// attention/op.h as plain loops in the precision Real: double is the reference, float the yardstick that
// the kernels' errors are measured with.
#pragma once
#include <cmath>
#include <vector>

#include "ops/attention/op.h"

namespace spar {
namespace plain {

// Rows that row m of segment s sees, root of the chain first.
inline std::vector<int64_t> visible_rows(const BatchView& batch, int32_t s, int64_t m, int32_t window) {
  std::vector<int32_t> chain;
  for (int32_t i = s; i >= 0; i = batch.segment[i].prefix) chain.insert(chain.begin(), i);
  std::vector<int64_t> rows;
  for (int32_t i : chain) {
    const spar_segment& segment = batch.segment[i];
    const int64_t end = i == s ? m + 1 : int64_t{segment.first_row} + segment.num_rows;
    for (int64_t j = segment.first_row; j < end; j++)
      if (window == 0 || batch.position[m] - batch.position[j] < window) rows.push_back(j);
  }
  return rows;
}

template <class Real>
Real dot(const float* a, const float* b, int64_t n) {
  Real sum = 0;
  for (int64_t i = 0; i < n; i++) sum += Real(a[i]) * b[i];
  return sum;
}

// Calls f(m, rows seen by m) for every row of the batch.
template <class F>
void each_row(const BatchView& batch, int32_t window, F f) {
  for (int32_t s = 0; s < batch.segments; s++) {
    const spar_segment& segment = batch.segment[s];
    for (int64_t m = segment.first_row; m < int64_t{segment.first_row} + segment.num_rows; m++)
      f(m, visible_rows(batch, s, m, window));
  }
}

template <class Real>
void attention_forward(const Exec&, const AttentionForward& a) {
  const int64_t H = a.shape.heads, G = a.shape.kv_heads, D = a.shape.head_dim, stride = (H + 2 * G) * D;
  each_row(*a.batch, a.shape.window, [&](int64_t m, const std::vector<int64_t>& rows) {
    for (int64_t h = 0; h < H; h++) {
      const int64_t g = h * G / H;
      const float* q = a.qkv + m * stride + h * D;
      std::vector<Real> score, out(static_cast<size_t>(D), Real(0));
      Real mx = -INFINITY, sum = 0;
      for (int64_t j : rows) {
        score.push_back(a.shape.scale * dot<Real>(q, a.qkv + j * stride + (H + g) * D, D));
        mx = std::fmax(mx, score.back());
      }
      for (size_t i = 0; i < rows.size(); i++) {
        const Real p = std::exp(score[i] - mx);
        const float* v = a.qkv + rows[i] * stride + (H + G + g) * D;
        sum += p;
        for (int64_t d = 0; d < D; d++) out[static_cast<size_t>(d)] += p * v[d];
      }
      for (int64_t d = 0; d < D; d++)
        a.out[(m * H + h) * D + d] = static_cast<float>(out[static_cast<size_t>(d)] / sum);
      a.lse[m * H + h] = static_cast<float>(mx + std::log(sum));
    }
  });
}

template <class Real>
void attention_backward(const Exec&, const AttentionBackward& a) {
  const int64_t H = a.shape.heads, G = a.shape.kv_heads, D = a.shape.head_dim, stride = (H + 2 * G) * D;
  const Real scale = a.shape.scale;
  std::vector<Real> sums(static_cast<size_t>(a.batch->rows * stride), Real(0));
  each_row(*a.batch, a.shape.window, [&](int64_t m, const std::vector<int64_t>& rows) {
    for (int64_t h = 0; h < H; h++) {
      const int64_t g = h * G / H;
      const float* q = a.qkv + m * stride + h * D;
      const float* dout = a.dout + (m * H + h) * D;
      const Real delta = dot<Real>(dout, a.out + (m * H + h) * D, D);
      Real* dq = sums.data() + m * stride + h * D;
      for (int64_t j : rows) {
        const float* k = a.qkv + j * stride + (H + g) * D;
        Real* dk = sums.data() + j * stride + (H + g) * D;
        Real* dv = dk + G * D;
        const Real p = std::exp(scale * dot<Real>(q, k, D) - a.lse[m * H + h]);
        const Real ds = p * (dot<Real>(dout, k + G * D, D) - delta) * scale;
        for (int64_t d = 0; d < D; d++) {
          dq[d] += ds * k[d];
          dk[d] += ds * q[d];
          dv[d] += p * dout[d];
        }
      }
    }
  });
  for (size_t i = 0; i < sums.size(); i++) a.dqkv[i] = static_cast<float>(sums[i]);
}

}  // namespace plain
}  // namespace spar
