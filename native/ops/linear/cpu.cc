// linear on the CPU: three uses of backends/cpu/gemm.h. Forward panels hold W^T (columns n, depth
// k), backward panels W (columns k, depth n).
#include "backends/cpu/gemm.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/threads.h"

namespace spar {
namespace SPAR_ISA_NS {

int64_t linear_packed_bytes(int64_t n, int64_t k, int32_t precision, int32_t direction) {
  const int64_t columns = direction ? k : n, depth = direction ? n : k;
  return panel_count(columns) * panel_words(depth, precision == SPAR_BF16) * 4;
}

// The word of a panel that holds the value `first`, and in bf16 `second` of the next depth.
SPAR_INLINE uint32_t word_of(float first) {
  uint32_t word;
  std::memcpy(&word, &first, 4);
  return word;
}
SPAR_INLINE uint32_t word_of(float first, float second) {
  return to_bf16(first) | static_cast<uint32_t>(to_bf16(second)) << 16;
}

SPAR_INLINE void zero_columns(uint32_t* words, int64_t depths, int64_t valid) {
  for (int64_t p = 0; valid < kPanel && p < depths; p++)
    std::memset(words + p * kPanel + valid, 0, static_cast<size_t>(kPanel - valid) * 4);
}

// Transposes rows of W into a panel, in runs of depths that fill whole cache lines of a row.
template <bool kBf16>
SPAR_INLINE void pack_forward(const PackedWeight& w, int64_t panel) {
  constexpr int64_t run = 16;
  const int64_t k = w.k, n0 = panel * kPanel, valid = w.n - n0 < kPanel ? w.n - n0 : kPanel;
  const int64_t whole = kBf16 ? k / 2 : k, depths = panel_words(k, kBf16) / kPanel;
  const float* from = w.master + n0 * k;
  uint32_t* words = static_cast<uint32_t*>(w.forward) + panel * depths * kPanel;
  for (int64_t p0 = 0; p0 < whole; p0 += run) {
    const int64_t p1 = p0 + run < whole ? p0 + run : whole;
    for (int64_t c = 0; c < valid; c++) {
      const float* row = from + c * k;
      for (int64_t p = p0; p < p1; p++)
        words[p * kPanel + c] = kBf16 ? word_of(row[2 * p], row[2 * p + 1]) : word_of(row[p]);
    }
  }
  for (int64_t c = 0; whole < depths && c < valid; c++) words[whole * kPanel + c] = word_of(from[c * k + k - 1], 0);
  zero_columns(words, depths, valid);
}

template <bool kBf16>
SPAR_INLINE void pack_backward(const PackedWeight& w, int64_t panel) {
  const int64_t n = w.n, k = w.k, k0 = panel * kPanel, valid = k - k0 < kPanel ? k - k0 : kPanel;
  const int64_t whole = kBf16 ? n / 2 : n, depths = panel_words(n, kBf16) / kPanel;
  const float* from = w.master + k0;
  uint32_t* words = static_cast<uint32_t*>(w.backward) + panel * depths * kPanel;
  for (int64_t p = 0; p < whole; p++) {
    const float *row = from + (kBf16 ? 2 * p : p) * k, *next = row + k;
    for (int64_t c = 0; c < valid; c++) words[p * kPanel + c] = kBf16 ? word_of(row[c], next[c]) : word_of(row[c]);
  }
  for (int64_t c = 0; whole < depths && c < valid; c++) words[whole * kPanel + c] = word_of(from[(n - 1) * k + c], 0);
  zero_columns(words, depths, valid);
}

void linear_prepare(const Exec& exec, const LinearPrepare& a) {
  const PackedWeight& w = a.weight;
  const bool bf16 = exec.precision == SPAR_BF16;
  const int64_t forward = panel_count(w.n), backward = w.backward ? panel_count(w.k) : 0;
  exec.backend->threads.parallel(forward + backward, [&](int64_t unit, int32_t) {
    if (unit < forward) return bf16 ? pack_forward<true>(w, unit) : pack_forward<false>(w, unit);
    bf16 ? pack_backward<true>(w, unit - forward) : pack_backward<false>(w, unit - forward);
  });
}

void linear_forward(const Exec& exec, const LinearForward& a) {
  const int64_t n = a.weight.n, k = a.weight.k;
  const Panels b = panels_of(a.weight.forward, k, exec.precision == SPAR_BF16);
  const Product g = {a.x, k, b, a.y, n, a.bias, 0, *a.rows, n, k};
  product(exec.backend->threads, g, [](int64_t, int64_t, int64_t, int64_t) {});
}

void linear_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  const int64_t n = a.weight.n, k = a.weight.k;
  const Panels b = panels_of(a.weight.backward, n, exec.precision == SPAR_BF16);
  const Product g = {a.dy, n, b, a.dx, k, a.accumulate ? a.dx : nullptr, k, *a.rows, k, n};
  product(exec.backend->threads, g, [](int64_t, int64_t, int64_t, int64_t) {});
}

// dbias[n] += sum of dy over rows, in the chains of the product.
static void add_bias(const LinearBackwardWeight& a, int64_t n0, int64_t n1) {
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

void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  const OuterProduct g = {a.dy, a.n, a.x, a.k, a.dw, a.k, *a.rows, a.n, a.k};
  const int64_t units = outer_units(a.n, a.k), bias_units = a.dbias ? (a.n + kOuterRows - 1) / kOuterRows : 0;
  ThreadPool& threads = exec.backend->threads;
  threads.parallel(units + bias_units, [&](int64_t unit, int32_t thread) {
    if (unit < units) return outer_unit(g, unit, threads.scratch(thread));
    const int64_t n0 = (unit - units) * kOuterRows, n1 = n0 + kOuterRows < a.n ? n0 + kOuterRows : a.n;
    add_bias(a, n0, n1);
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
