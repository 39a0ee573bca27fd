// Batches of segments for the tests of attention and attention_decode.
#pragma once
#include <string>
#include <vector>

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

}  // namespace test
}  // namespace spar
