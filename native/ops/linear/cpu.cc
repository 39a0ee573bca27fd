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

// Words [word0, word1) of one panel, at(column, depth) being the value or 0 outside.
template <class At>
SPAR_INLINE void pack_words(uint32_t* words, int64_t word0, int64_t word1, bool bf16, At&& at) {
  for (int64_t w = word0; w < word1; w++) {
    for (int c = 0; c < kPanel; c++) {
      if (bf16) {
        words[w * kPanel + c] = to_bf16(at(c, 2 * w)) | static_cast<uint32_t>(to_bf16(at(c, 2 * w + 1))) << 16;
      } else {
        const float value = at(c, w);
        std::memcpy(words + w * kPanel + c, &value, 4);
      }
    }
  }
}

static void pack_forward(const PackedWeight& w, bool bf16, int64_t panel) {
  const int64_t size = panel_words(w.k, bf16), n0 = panel * kPanel;
  const float* from = w.master + n0 * w.k;
  const int64_t valid = w.n - n0 < kPanel ? w.n - n0 : kPanel, k = w.k;
  pack_words(static_cast<uint32_t*>(w.forward) + panel * size, 0, size / kPanel, bf16,
             [=](int64_t c, int64_t p) { return c < valid && p < k ? from[c * k + p] : 0.0f; });
}

static void pack_backward(const PackedWeight& w, bool bf16, int64_t panel) {
  const int64_t size = panel_words(w.n, bf16), k0 = panel * kPanel;
  const float* from = w.master + k0;
  const int64_t valid = w.k - k0 < kPanel ? w.k - k0 : kPanel, n = w.n, k = w.k;
  pack_words(static_cast<uint32_t*>(w.backward) + panel * size, 0, size / kPanel, bf16,
             [=](int64_t c, int64_t p) { return c < valid && p < n ? from[p * k + c] : 0.0f; });
}

void linear_prepare(const Exec& exec, const LinearPrepare& a) {
  const PackedWeight& w = a.weight;
  const bool bf16 = exec.precision == SPAR_BF16;
  const int64_t forward = panel_count(w.n), backward = w.backward ? panel_count(w.k) : 0;
  exec.backend->threads.parallel(forward + backward, [&](int64_t unit, int32_t) {
    if (unit < forward) return pack_forward(w, bf16, unit);
    pack_backward(w, bf16, unit - forward);
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
