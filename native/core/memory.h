// Owns one block of the backend's memory and accounts for it in the context.
#pragma once
#include "core/context.h"

namespace spar {

class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Zeroed, 64-byte aligned, resident. NOMEM with a text that names bytes and purpose.
  int32_t open(spar_context* context, int64_t bytes, const char* purpose);
  void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  spar_context* context_ = nullptr;
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace spar
