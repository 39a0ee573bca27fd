// Batches of segments for the tests of attention and attention_decode.
#pragma once
#include <string>
#include <vector>

#include "core/bf16.h"
#include "tests/op_case.h"

namespace spar {
namespace test {

// Segments by (prefix, rows), in order; rows and positions follow from them.
struct Layout {
  std::vector<spar_segment> segment;
  std::vector<int32_t> position;

  Layout& add(int32_t prefix, int32_t rows) {
    int32_t at = 0;
    for (int32_t p = prefix; p >= 0; p = segment[static_cast<size_t>(p)].prefix)
      at += segment[static_cast<size_t>(p)].num_rows;
    segment.push_back({this->rows(), rows, prefix, 0});
    for (int32_t i = 0; i < rows; i++) position.push_back(at + i);
    return *this;
  }
  int32_t rows() const { return static_cast<int32_t>(position.size()); }
  BatchView view() const {
    BatchView v = {};
    v.rows = rows();
    v.segments = static_cast<int32_t>(segment.size());
    v.position = position.data();
    v.segment = segment.data();
    return v;
  }
};

// One prompt of `prefix` rows (0: none) and responses of the given lengths.
inline Layout group(int32_t prefix, const std::vector<int32_t>& responses) {
  Layout l;
  if (prefix > 0) l.add(-1, prefix);
  for (int32_t n : responses) l.add(prefix > 0 ? 0 : -1, n);
  return l;
}

struct Heads {
  int32_t heads, kv_heads, head_dim;

  int64_t stride() const { return (heads + 2 * kv_heads) * head_dim; }
  int64_t out() const { return heads * head_dim; }
  std::string name() const {
    return "h=" + std::to_string(heads) + ",g=" + std::to_string(kv_heads) + ",d=" + std::to_string(head_dim);
  }
};

// Rotated rows as rope_forward leaves them: bfloat16 numbers in bf16 precision.
inline float* rotated(Check& c, int64_t count, uint64_t seed, float limit, int32_t precision) {
  float* x = c.inout(count, seed, -limit, limit);
  if (precision == SPAR_BF16)
    for (int64_t i = 0; i < count; i++) x[i] = from_bf16(to_bf16(x[i]));
  return x;
}

inline std::string precision_name(int32_t precision) { return precision == SPAR_BF16 ? "bf16 " : ""; }

}  // namespace test
}  // namespace spar
