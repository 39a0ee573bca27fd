// The shapes of the models that ops are timed at.
#pragma once
#include <cstdint>

namespace spar {
namespace test {

// Letters as in include/spar.h.
struct ModelShape {
  const char* name;
  int64_t c;         // hidden size
  int32_t heads;     // H
  int32_t kv_heads;  // G
  int32_t head_dim;  // D
  int64_t f;         // feed-forward size
  int64_t v;         // vocabulary

  int64_t q_width() const { return int64_t{heads} * head_dim; }
  int64_t qkv_width() const { return (int64_t{heads} + 2 * int64_t{kv_heads}) * head_dim; }
};

constexpr ModelShape kModelShapes[] = {
    {"SmolLM2-135M", 576, 9, 3, 64, 1536, 49152},
    {"Qwen2.5-0.5B", 896, 14, 2, 64, 4864, 151936},
    {"Llama-3.2-1B", 2048, 32, 8, 64, 8192, 128256},
};

// Rows of a training batch and of a decode step.
constexpr int32_t kTrainingRows[] = {256, 1792};
constexpr int32_t kDecodeRows[] = {1, 8, 32};

}  // namespace test
}  // namespace spar
