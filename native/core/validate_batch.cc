#include <algorithm>

#include "core/batch.h"

namespace spar {
namespace {

// Bound on rows that keeps every byte count below 2^63.
constexpr int32_t kMaxRows = 1 << 22;

struct Validator {
  spar_batch& batch;
  const spar_forward_desc& desc;
  ErrorText& error;

  const BatchArrays& a() const { return batch.arrays; }
  const spar_model_spec& spec() const { return batch.model->spec; }

  int32_t counts() const {
    if (desc.num_rows < 1 || desc.num_rows > batch.desc.max_rows)
      return error.set(SPAR_E_INVALID, "num_rows is %d; it must be 1 to max_rows %d", desc.num_rows,
                       batch.desc.max_rows);
    if (desc.num_segments < 1 || desc.num_segments > batch.desc.max_segments)
      return error.set(SPAR_E_INVALID, "num_segments is %d; it must be 1 to max_segments %d", desc.num_segments,
                       batch.desc.max_segments);
    if (desc.want_entropy != 0 && desc.want_entropy != 1)
      return error.set(SPAR_E_INVALID, "want_entropy is %d; it must be 0 or 1", desc.want_entropy);
    if (desc.reserved != 0) return error.set(SPAR_E_INVALID, "reserved is %d; it must be 0", desc.reserved);
    return SPAR_OK;
  }

  int32_t ids(int32_t* targets) const {
    int32_t count = 0;
    for (int32_t m = 0; m < desc.num_rows; m++) {
      if (a().token[m] < 0 || a().token[m] >= spec().vocab_size)
        return error.set(SPAR_E_INVALID, "row %d: token %d is not in the vocabulary of %d", m, a().token[m],
                         spec().vocab_size);
      if (a().position[m] < 0 || a().position[m] >= spec().max_positions)
        return error.set(SPAR_E_INVALID, "row %d: position %d is not below max_positions %d", m, a().position[m],
                         spec().max_positions);
      if (a().target[m] < -1 || a().target[m] >= spec().vocab_size)
        return error.set(SPAR_E_INVALID, "row %d: target %d is neither -1 nor in the vocabulary of %d", m,
                         a().target[m], spec().vocab_size);
      count += a().target[m] >= 0;
    }
    if (count > batch.desc.max_targets)
      return error.set(SPAR_E_INVALID, "%d rows have a target; max_targets is %d", count, batch.desc.max_targets);
    *targets = count;
    return SPAR_OK;
  }

  // The segment's rows are in range and nobody else's.
  int32_t cover(int32_t s, const spar_segment& g) const {
    if (g.num_rows < 1 || g.first_row < 0 || g.first_row > desc.num_rows - g.num_rows)
      return error.set(SPAR_E_INVALID, "segment %d: first_row %d, num_rows %d do not lie in the %d rows", s,
                       g.first_row, g.num_rows, desc.num_rows);
    for (int32_t m = g.first_row; m < g.first_row + g.num_rows; m++) {
      if (batch.covered[static_cast<size_t>(m)] != 0)
        return error.set(SPAR_E_INVALID, "segment %d: row %d already belongs to an earlier segment", s, m);
      batch.covered[static_cast<size_t>(m)] = 1;
    }
    return SPAR_OK;
  }

  int32_t chain(int32_t s, const spar_segment& g) const {
    if (g.reserved != 0) return error.set(SPAR_E_INVALID, "segment %d: reserved is %d; it must be 0", s, g.reserved);
    if (g.prefix < -1 || g.prefix >= s)
      return error.set(SPAR_E_INVALID, "segment %d: prefix %d is neither -1 nor an earlier segment", s, g.prefix);
    int32_t length = 0;
    for (int32_t p = g.prefix; p >= 0; p = a().segment[p].prefix) length++;
    if (length > kMaxPrefixChain)
      return error.set(SPAR_E_INVALID, "segment %d: its chain has %d prefixes; at most %d are allowed", s, length,
                       kMaxPrefixChain);
    return SPAR_OK;
  }

  int32_t positions(int32_t s, const spar_segment& g) const {
    const int32_t* position = a().position;
    int32_t next = position[g.first_row];
    if (g.prefix >= 0) {
      const spar_segment& p = a().segment[g.prefix];
      next = position[p.first_row + p.num_rows - 1] + 1;
    }
    for (int32_t m = g.first_row; m < g.first_row + g.num_rows; m++, next++)
      if (position[m] != next)
        return error.set(SPAR_E_INVALID, "row %d of segment %d: position %d should be %d, the next of its chain", m, s,
                         position[m], next);
    return SPAR_OK;
  }

  int32_t segments() const {
    std::fill(batch.covered.begin(), batch.covered.begin() + desc.num_rows, uint8_t{0});
    for (int32_t s = 0; s < desc.num_segments; s++) {
      const spar_segment& g = a().segment[s];
      if (int32_t status = cover(s, g)) return status;
      if (int32_t status = chain(s, g)) return status;
      if (int32_t status = positions(s, g)) return status;
    }
    for (int32_t m = 0; m < desc.num_rows; m++)
      if (batch.covered[static_cast<size_t>(m)] == 0)
        return error.set(SPAR_E_INVALID, "row %d belongs to no segment", m);
    return SPAR_OK;
  }
};

}  // namespace

int32_t validate_batch_desc(ErrorText& error, const spar_model_desc& model, const spar_batch_desc& d) {
  if (d.max_rows < 1 || d.max_rows > kMaxRows)
    return error.set(SPAR_E_INVALID, "max_rows is %d; it must be 1 to %d", d.max_rows, kMaxRows);
  if (d.max_segments < 1 || d.max_segments > d.max_rows)
    return error.set(SPAR_E_INVALID, "max_segments is %d; it must be 1 to max_rows %d", d.max_segments, d.max_rows);
  if (d.max_targets < 1 || d.max_targets > d.max_rows)
    return error.set(SPAR_E_INVALID, "max_targets is %d; it must be 1 to max_rows %d", d.max_targets, d.max_rows);
  if (d.train != 0 && d.train != 1) return error.set(SPAR_E_INVALID, "train is %d; it must be 0 or 1", d.train);
  if (d.train == 1 && model.trainable == 0)
    return error.set(SPAR_E_INVALID, "train is 1 but the model was opened with trainable = 0");
  return SPAR_OK;
}

int32_t validate_batch(spar_batch& batch, const spar_forward_desc& desc, int32_t* targets) {
  Validator v{batch, desc, batch.model->context->error};
  if (int32_t status = v.counts()) return status;
  if (int32_t status = v.ids(targets)) return status;
  return v.segments();
}

}  // namespace spar
