// The text of the last failure on one handle. Never global, never per thread: hosts move a context
// between threads.
#pragma once
#include <cstdint>

#include "include/spar.h"

namespace spar {

class ErrorText {
 public:
  // Formats the text and returns `code`, so that a failure is one statement.
  int32_t set(int32_t code, const char* format, ...) __attribute__((format(printf, 3, 4)));
  // Puts "prefix: " before the text.
  int32_t prepend(int32_t code, const char* prefix);
  const char* text() const { return text_; }

 private:
  char text_[512] = "";
};

// Checks that a struct argument is there and that its leading `size` is what this library was built
// with. SPAR_OK or SPAR_E_INVALID.
int32_t check_struct(ErrorText& error, const char* name, const void* argument, int64_t expected);

}  // namespace spar
