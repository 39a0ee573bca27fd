// rope/op.h as plain loops in the precision Real: double is the reference, float the yardstick that
// the kernels' errors are measured with.
#pragma once
#include <cmath>
#include <vector>

#include "core/bf16.h"
#include "ops/rope/op.h"

namespace spar {
namespace plain {

template <class Real>
Real rstd_of(const float* x, int64_t n, Real eps) {
  Real sum = 0;
  for (int64_t i = 0; i < n; i++) sum += Real(x[i]) * x[i];
  return Real(1) / std::sqrt(sum / Real(n) + eps);
}

// Turns the pairs (u[i], u[i + D/2]) by the angles of one position; back when sign is -1.
template <class Real>
void rotate(std::vector<Real>& u, const float* cos, const float* sin, Real sign) {
  const size_t half = u.size() / 2;
  for (size_t i = 0; i < half; i++) {
    const Real c = cos[i], s = sign * sin[i], low = u[i], high = u[i + half];
    u[i] = low * c - high * s;
    u[i + half] = high * c + low * s;
  }
}

// g: gradient of RMSNorm(x) w; replaced by that of x. dw accumulates.
template <class Real>
void norm_back(std::vector<Real>& g, const float* x, const float* w, Real eps, std::vector<Real>& dw) {
  const Real rstd = rstd_of<Real>(x, static_cast<int64_t>(g.size()), eps);
  Real mean = 0;
  for (size_t i = 0; i < g.size(); i++) {
    dw[i] += g[i] * x[i] * rstd;
    mean += g[i] * w[i] * x[i];
  }
  mean /= Real(g.size());
  for (size_t i = 0; i < g.size(); i++) g[i] = rstd * (g[i] * w[i] - x[i] * rstd * rstd * mean);
}

template <class Real>
void rope_forward(const Exec& exec, const RopeForward& a) {
  const RopeShape& shape = a.shape;
  const int64_t H = shape.heads, G = shape.kv_heads, D = shape.head_dim, stride = (H + 2 * G) * D;
  std::vector<Real> u(static_cast<size_t>(D));
  for (int64_t m = 0; m < *a.rows; m++) {
    const int64_t table = int64_t{a.position[m]} * (D / 2);
    for (int64_t h = 0; h < H + 2 * G; h++) {
      const float* in = a.qkv + m * stride + h * D;
      float* out = a.out + m * stride + h * D;
      const float* w = h < H ? shape.q_norm : shape.k_norm;
      const bool value = h >= H + G;
      const Real rstd = value || w == nullptr ? Real(1) : rstd_of<Real>(in, D, shape.eps);
      for (int64_t i = 0; i < D; i++)
        u[static_cast<size_t>(i)] = value || w == nullptr ? Real(in[i]) : in[i] * rstd * w[i];
      if (!value) rotate<Real>(u, shape.cos + table, shape.sin + table, 1);
      for (int64_t i = 0; i < D; i++) {
        const auto x = static_cast<float>(u[static_cast<size_t>(i)]);
        out[i] = exec.precision == SPAR_BF16 ? from_bf16(to_bf16(x)) : x;
      }
    }
  }
}

template <class Real>
void rope_backward(const Exec&, const RopeBackward& a) {
  const RopeShape& shape = a.shape;
  const int64_t H = shape.heads, G = shape.kv_heads, D = shape.head_dim, stride = (H + 2 * G) * D;
  std::vector<Real> u(static_cast<size_t>(D)), dq(u), dk(u);
  for (int64_t m = 0; m < *a.rows; m++) {
    const int64_t table = int64_t{a.position[m]} * (D / 2);
    for (int64_t h = 0; h < H + G; h++) {
      float* d = a.d + m * stride + h * D;
      const float* w = h < H ? shape.q_norm : shape.k_norm;
      for (int64_t i = 0; i < D; i++) u[static_cast<size_t>(i)] = d[i];
      rotate<Real>(u, shape.cos + table, shape.sin + table, -1);
      if (w != nullptr) norm_back<Real>(u, a.qkv + m * stride + h * D, w, shape.eps, h < H ? dq : dk);
      for (int64_t i = 0; i < D; i++) d[i] = static_cast<float>(u[static_cast<size_t>(i)]);
    }
  }
  for (int64_t i = 0; i < D; i++) {
    if (shape.q_norm != nullptr) a.dq_norm[i] = static_cast<float>(a.dq_norm[i] + dq[static_cast<size_t>(i)]);
    if (shape.k_norm != nullptr) a.dk_norm[i] = static_cast<float>(a.dk_norm[i] + dk[static_cast<size_t>(i)]);
  }
}

}  // namespace plain
}  // namespace spar
