// Weights W [N, K] as panels: forward, columns n and depth k; backward, columns k and depth n.
#pragma once
#include "backends/cpu/bf16/layout.h"
#include "backends/cpu/transpose.h"
#include "core/exec.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace bf16 {

// One step of a panel of weights: it is read next in another op, so it goes past the caches.
SPAR_INLINE void put_past(uint16_t* to, const __m512i (&v)[16]) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) _mm512_stream_si512(reinterpret_cast<__m512i*>(to + 32 * i), v[i]);
}

// Rows [n0, n1) into the forward panels; n0 is the first row of a panel. The end of W fills its group of
// panels up with zeros.
SPAR_INLINE void pack_forward(const PackedWeight& w, int64_t n0, int64_t n1) {
  uint16_t* to = static_cast<uint16_t*>(w.forward);
  const int64_t steps = steps_of(w.k);
  const int64_t end = n1 == w.n ? groups_of(w.n) * kPanels : n1 / kPanel;
  const bool paired = w.gated && pairs_panels(w.n);
  for (int64_t panel = n0 / kPanel; panel < end; panel++) {
    const float* rows = w.master + panel * kPanel * w.k;
    for (int64_t s = 0; s < steps; s++) {
      __m512i v[16];
      load_rows(v, rows + s * kStep, w.k, w.n - panel * kPanel, w.k - s * kStep);
      transpose(v);
      put_past(to + (paired ? paired_panel(panel, w.n) : panel) * strip(w.k) + s * kTile, v);
    }
  }
}

// Rows [n0, n1) into the backward panels; n0 is a multiple of kStep, and n1 too or N.
SPAR_INLINE void pack_backward(const PackedWeight& w, int64_t n0, int64_t n1) {
  uint16_t* to = static_cast<uint16_t*>(w.backward);
  const int64_t panels = groups_of(w.k) * kPanels;
  for (int64_t n = n0; n < n1; n += kStep) {
    for (int64_t panel = 0; panel < panels; panel++) {
      __m512i v[16];
      load_depths(v, w.master + n * w.k + panel * kPanel, w.k, w.k - panel * kPanel, w.n - n);
      put_past(to + panel * strip(w.n) + n / kStep * kTile, v);
    }
  }
}

SPAR_INLINE void pack_rows(const PackedWeight& w, int64_t n0, int64_t n1) {
  pack_forward(w, n0, n1);
  if (w.backward) pack_backward(w, n0, n1);
  drain_stores();
}

}  // namespace bf16
}  // namespace SPAR_ISA_NS
}  // namespace spar
