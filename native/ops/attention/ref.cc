// The attention op in double: see op.h.
#include <cmath>
#include <vector>

#include "backends/cpu/kernels.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

// Rows that row m of segment s sees, root of the chain first.
std::vector<int64_t> visible_rows(const BatchView& batch, int32_t s, int64_t m, int32_t window) {
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

double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += double{a[i]} * b[i];
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

}  // namespace

void attention_forward(const Exec&, const AttentionForward& a) {
  const int64_t H = a.shape.heads, G = a.shape.kv_heads, D = a.shape.head_dim, stride = (H + 2 * G) * D;
  each_row(*a.batch, a.shape.window, [&](int64_t m, const std::vector<int64_t>& rows) {
    for (int64_t h = 0; h < H; h++) {
      const int64_t g = h * G / H;
      const float* q = a.qkv + m * stride + h * D;
      std::vector<double> score, out(static_cast<size_t>(D), 0.0);
      double mx = -INFINITY, sum = 0;
      for (int64_t j : rows) {
        score.push_back(a.shape.scale * dot(q, a.qkv + j * stride + (H + g) * D, D));
        mx = std::fmax(mx, score.back());
      }
      for (size_t i = 0; i < rows.size(); i++) {
        const double p = std::exp(score[i] - mx);
        const float* v = a.qkv + rows[i] * stride + (H + G + g) * D;
        sum += p;
        for (int64_t d = 0; d < D; d++) out[static_cast<size_t>(d)] += p * v[d];
      }
      for (int64_t d = 0; d < D; d++) a.out[(m * H + h) * D + d] = static_cast<float>(out[static_cast<size_t>(d)] / sum);
      a.lse[m * H + h] = static_cast<float>(mx + std::log(sum));
    }
  });
}

void attention_backward(const Exec&, const AttentionBackward& a) {
  const int64_t H = a.shape.heads, G = a.shape.kv_heads, D = a.shape.head_dim, stride = (H + 2 * G) * D;
  const double scale = a.shape.scale;
  std::vector<double> sums(static_cast<size_t>(a.batch->rows * stride), 0.0);
  each_row(*a.batch, a.shape.window, [&](int64_t m, const std::vector<int64_t>& rows) {
    for (int64_t h = 0; h < H; h++) {
      const int64_t g = h * G / H;
      const float* q = a.qkv + m * stride + h * D;
      const float* dout = a.dout + (m * H + h) * D;
      const double delta = dot(dout, a.out + (m * H + h) * D, D);
      double* dq = sums.data() + m * stride + h * D;
      for (int64_t j : rows) {
        const float* k = a.qkv + j * stride + (H + g) * D;
        double* dk = sums.data() + j * stride + (H + g) * D;
        double* dv = dk + G * D;
        const double p = std::exp(scale * dot(q, k, D) - a.lse[m * H + h]);
        const double ds = p * (dot(dout, k + G * D, D) - delta) * scale;
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

}  // namespace SPAR_ISA_NS
}  // namespace spar
