// linear on the CPU: three uses of backends/cpu/gemm.h, or of bf16/linear.h where the hardware
// multiplies bf16 and the precision asks for it.
#include "backends/cpu/bf16/linear.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/gemm/pack_weight.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/threads.h"

namespace spar {
namespace SPAR_ISA_NS {

int64_t linear_packed_bytes(int64_t n, int64_t k, int32_t precision, int32_t direction) {
  const int64_t columns = direction ? k : n, depth = direction ? n : k;
  if constexpr (kBf16Units)
    if (precision == SPAR_BF16) return bf16::packed_bytes(columns, depth);
  return panel_count(columns) * panel_words(depth, precision == SPAR_BF16) * 4;
}

void linear_pack_rows(const PackedWeight& w, int32_t precision, int64_t n0, int64_t n1) {
  if constexpr (kBf16Units)
    if (precision == SPAR_BF16) return bf16::pack_rows(w, n0, n1);
  precision == SPAR_BF16 ? pack_rows<true>(w, n0, n1) : pack_rows<false>(w, n0, n1);
}

void linear_prepare(const Exec& exec, const LinearPrepare& a) {
  const int64_t n = a.weight.n;
  exec.backend->threads.parallel((n + kPackRows - 1) / kPackRows, [&](int64_t unit, int32_t) {
    const int64_t n0 = unit * kPackRows, n1 = n0 + kPackRows < n ? n0 + kPackRows : n;
    linear_pack_rows(a.weight, exec.precision, n0, n1);
  });
}

void linear_forward(const Exec& exec, const LinearForward& a) {
  if constexpr (kBf16Units)
    if (exec.precision == SPAR_BF16) return bf16::forward(exec, a);
  const int64_t n = a.weight.n, k = a.weight.k;
  const Panels b = panels_of(a.weight.forward, k, exec.precision == SPAR_BF16);
  const Product g = {a.x, k, b, a.y, n, a.residual ? a.residual : a.bias, a.residual ? n : 0, *a.rows, n, k};
  product(exec.backend->threads, g, [](int64_t, int64_t, int64_t, int64_t) {});
}

void linear_gated(const Exec& exec, const LinearGated& a) {
  if constexpr (kBf16Units)
    if (exec.precision == SPAR_BF16 && bf16::gated(exec, a)) return;
  linear_forward(exec, {a.rows, a.x, a.weight, nullptr, a.gate_up});
  act_forward(exec, {a.rows, a.gate_up, a.h, a.weight.n / 2});
}

void linear_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  if constexpr (kBf16Units)
    if (exec.precision == SPAR_BF16) return bf16::backward_input(exec, a);
  const int64_t n = a.weight.n, k = a.weight.k;
  const Panels b = panels_of(a.weight.backward, n, exec.precision == SPAR_BF16);
  const Product g = {a.dy, n, b, a.dx, k, a.accumulate ? a.dx : nullptr, k, *a.rows, k, n};
  product(exec.backend->threads, g, [](int64_t, int64_t, int64_t, int64_t) {});
}

// dbias[n] += sum of dy over rows, in the chains of the product.
SPAR_INLINE void add_bias(const LinearBackwardWeight& a, int64_t n0, int64_t n1) {
  for (int64_t n = n0; n < n1; n += kLanes) {
    const int lanes = static_cast<int>(n1 - n < kLanes ? n1 - n : kLanes);
    vf total = load_some(a.dbias + n, lanes, 0);
    for (int64_t first = 0; first < *a.rows; first += kChain) {
      const int64_t end = *a.rows - first < kChain ? *a.rows : first + kChain;
      vf chain = {};
      for (int64_t m = first; m < end; m++) chain += load_some(a.dy + m * a.n + n, lanes, 0);
      total += chain;
    }
    store_some(a.dbias + n, total, lanes);
  }
}

constexpr int64_t kBiasUnit = 256;  // columns

void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  ThreadPool& threads = exec.backend->threads;
  const int64_t bias_units = a.dbias ? (a.n + kBiasUnit - 1) / kBiasUnit : 0;
  auto bias_unit = [&](int64_t unit) {
    const int64_t n0 = unit * kBiasUnit, n1 = n0 + kBiasUnit < a.n ? n0 + kBiasUnit : a.n;
    add_bias(a, n0, n1);
  };
  if constexpr (kBf16Units)
    if (exec.precision == SPAR_BF16) {
      bf16::backward_weight(exec, a);
      return threads.parallel(bias_units, [&](int64_t unit, int32_t) { bias_unit(unit); });
    }
  const OuterProduct g = {a.dy, a.n, a.x, a.k, a.dw, a.k, *a.rows, a.n, a.k, exec.precision == SPAR_BF16};
  const OuterUnits units = outer_units(g, threads.size());
  threads.parallel(units.count() + bias_units, [&](int64_t unit, int32_t thread) {
    if (unit < units.count()) return outer_unit(g, units, unit, threads.scratch(thread));
    bias_unit(unit - units.count());
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
