// The kv_write op for one kernel family: see op.h.
#include <cstring>

#include "backends/cpu/bf16_vec.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/rows.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

void write_fp32(const KvPool& pool, int64_t D, int64_t g, int64_t slot, const float* key, const float* value) {
  float* k = static_cast<float*>(pool.keys) + key_index(pool, SPAR_FP32, D, g, slot, 0);
  for (int64_t c = 0; c < D; c++) k[c * kPoolBlock] = key[c];
  std::memcpy(static_cast<float*>(pool.values) + value_index(pool, D, g, slot, 0), value, static_cast<size_t>(D) * 4);
}

// Two neighbouring channels of a key are one word.
void write_bf16(const KvPool& pool, int64_t D, int64_t g, int64_t slot, const float* key, const float* value) {
  uint16_t* k = static_cast<uint16_t*>(pool.keys) + key_index(pool, SPAR_BF16, D, g, slot, 0);
  for (int64_t c = 0; c < D; c += 2) {
    const uint32_t word = to_bf16(key[c]) | static_cast<uint32_t>(to_bf16(key[c + 1])) << 16;
    std::memcpy(k + c * kPoolBlock, &word, 4);
  }
  uint16_t* v = static_cast<uint16_t*>(pool.values) + value_index(pool, D, g, slot, 0);
  each_vector(D, [=](int64_t c, int n) { store_bf16(v + c, round_bf16(load_part(value + c, n)), n); });
}

// Asks for the lines that a row's write will change: every line of a block of keys gets one word.
SPAR_INLINE void fetch_row(const KvWrite& a, int32_t precision, int64_t slot) {
  const int64_t element = pool_element_bytes(precision), line = 64 / element;
  const int64_t channels = precision == SPAR_BF16 ? 2 : 1;
  for (int64_t g = 0; g < a.kv_heads; g++) {
    const char* key =
        static_cast<const char*>(a.pool.keys) + key_index(a.pool, precision, a.head_dim, g, slot, 0) * element;
    for (int64_t c = 0; c < a.head_dim; c += channels) __builtin_prefetch(key + c * kPoolBlock * element, 1);
    const char* value = static_cast<const char*>(a.pool.values) + value_index(a.pool, a.head_dim, g, slot, 0) * element;
    for (int64_t c = 0; c < a.head_dim; c += line) __builtin_prefetch(value + c * element, 1);
  }
}

}  // namespace

void kv_write(const Exec& exec, const KvWrite& args) {
  const KvWrite a = args;
  const int64_t D = a.head_dim, width = a.kv_heads * D, queries = a.heads * D;
  const bool bf16 = exec.precision == SPAR_BF16;
  parallel_rows(exec, a.decode->rows, 2 * width, [&](int64_t first, int64_t last) {
    fetch_row(a, exec.precision, a.decode->slot[first]);
    for (int64_t m = first; m < last; m++) {
      if (m + 1 < last) fetch_row(a, exec.precision, a.decode->slot[m + 1]);
      const float* key = a.qkv + m * (queries + 2 * width) + queries;
      for (int64_t g = 0; g < a.kv_heads; g++, key += D)
        (bf16 ? write_bf16 : write_fp32)(a.pool, D, g, a.decode->slot[m], key, key + width);
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
