// Tests of embed: see tests/op_case.h.
#include "core/bf16.h"
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

constexpr int32_t kVocabulary = 23;  // fewer than rows: tokens repeat

void forward(Check& c, int64_t m, int64_t width, int32_t precision) {
  const float* table = c.input(kVocabulary * width, 1);
  const int32_t *token = c.ids(m, 2, kVocabulary), *rows = c.rows(m);
  float* want = c.output(m * width);
  for (int64_t i = 0; i < m; i++)
    for (int64_t k = 0; k < width; k++) {
      const float e = table[token[i] * width + k];
      want[i * width + k] = precision == SPAR_BF16 ? from_bf16(to_bf16(e)) : e;
    }
  for (int32_t n : kThreadCounts) {
    float* x = c.output(m * width);
    c.kernels().embed_forward(c.exec(n, precision), {rows, token, table, x, width});
    c.same_bits("x", x, want, m * width);
  }
}

// Sums of rising m are part of the contract, so the bits are known.
void backward(Check& c, int64_t m, int64_t width) {
  const float *dx = c.input(m * width, 1), *old = c.input(kVocabulary * width, 3);
  const int32_t *token = c.ids(m, 2, kVocabulary), *rows = c.rows(m);
  float* want = c.copy(old, kVocabulary * width);
  for (int64_t i = 0; i < m; i++)
    for (int64_t k = 0; k < width; k++) want[token[i] * width + k] += dx[i * width + k];
  for (int32_t n : kThreadCounts) {
    float* dtable = c.copy(old, kVocabulary * width);
    c.kernels().embed_backward(c.exec(n), {rows, token, dx, dtable, width});
    c.same_bits("dtable", dtable, want, kVocabulary * width);
  }
}

void truncated(const Exec& e, const EmbedForward& a) {
  genuine().embed_forward({e.backend, SPAR_FP32}, a);
  if (e.precision != SPAR_BF16) return;
  for (int64_t i = 0; i < *a.rows * a.c; i++) {
    uint32_t u;
    std::memcpy(&u, a.x + i, 4);
    u &= 0xffff0000u;
    std::memcpy(a.x + i, &u, 4);
  }
}
void repeats_lost(const Exec& e, const EmbedBackward& a) {
  const int32_t rows = *a.rows > 1 ? *a.rows - 1 : *a.rows;
  EmbedBackward b = a;
  b.rows = &rows;
  genuine().embed_backward(e, b);
}

const Registration cases([] {
  for (int64_t m : {0, 1, 2, 17, 63, 65, 129}) {
    for (int64_t width : {1, 7, 16, 33, 129, 576}) {
      const std::string name = "m=" + std::to_string(m) + ",c=" + std::to_string(width);
      add_case("embed", "forward " + name, [=](Check& c) { forward(c, m, width, SPAR_FP32); });
      add_case("embed", "forward bf16 " + name, [=](Check& c) { forward(c, m, width, SPAR_BF16); });
      add_case("embed", "backward " + name, [=](Check& c) { backward(c, m, width); });
    }
  }
  add_planted("embed", "bf16 cut instead of rounded", [](OpTable& t) { t.embed_forward = truncated; });
  add_planted("embed", "last row not added", [](OpTable& t) { t.embed_backward = repeats_lost; });
});

}  // namespace
}  // namespace test
}  // namespace spar
