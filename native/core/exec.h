// What an op may use while it runs. Each backend defines BackendState (threads, streams).
#pragma once
#include <cstdint>

#include "include/spar.h"

namespace spar {

struct BackendState;

struct Exec {
  BackendState* backend;
  int32_t precision;  // SPAR_FP32 or SPAR_BF16
};

// A weight matrix [N, K] (row-major master) with its computing copies, made by linear_prepare.
struct PackedWeight {
  const float* master;  // [N, K]
  void* forward;        // for y = x W^T; linear_packed_bytes() long
  void* backward;       // for dx = dy W; NULL when the model is not trainable
  int64_t n, k;
  bool gated = false;  // rows are gates, then as many ups, for linear_gated alone
};

// What a batch looks like in the call at hand. Filled by spar_forward, read by ops.
struct BatchView {
  int32_t rows;  // M
  int32_t segments;
  int32_t targets;              // T
  const int32_t* token;         // [M]
  const int32_t* position;      // [M]
  const spar_segment* segment;  // [segments]
  const int32_t* target_row;    // [T] rows with a target, ascending
  const int32_t* target_id;     // [T]
  const float* target_coef;     // [T] dL/dlogp
};

// A run of tokens in the key/value pool.
struct KvSpan {
  int64_t first;
  int64_t count;
};

// One decode step: rows are prompt tokens being prefilled or the newest token of a sequence.
struct DecodeView {
  int32_t rows;                // M
  int32_t sampled;             // rows that draw a token
  const int32_t* token;        // [M]
  const int32_t* position;     // [M]
  const int64_t* slot;         // [M] pool index where the row's key and value go
  const KvSpan* prefix;        // [M] shared prefix, count 0 when there is none
  const KvSpan* own;           // [M] the row's own segment up to and with itself
  const int32_t* sampled_row;  // [sampled] rows that draw, ascending
};

}  // namespace spar
