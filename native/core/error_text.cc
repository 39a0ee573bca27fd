#include "core/error_text.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace spar {

int32_t ErrorText::set(int32_t code, const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::vsnprintf(text_, sizeof text_, format, args);
  va_end(args);
  return code;
}

int32_t ErrorText::prepend(int32_t code, const char* prefix) {
  char rest[sizeof text_];
  std::memcpy(rest, text_, sizeof text_);
  std::snprintf(text_, sizeof text_, "%.120s: %.380s", prefix, rest);
  return code;
}

int32_t check_struct(ErrorText& error, const char* name, const void* argument, int64_t expected) {
  if (argument == nullptr) return error.set(SPAR_E_INVALID, "%s is NULL; pass a struct with its size set", name);
  int64_t size;
  std::memcpy(&size, argument, sizeof size);
  if (size == expected) return SPAR_OK;
  return error.set(SPAR_E_INVALID, "%s: size is %lld but this library (ABI %d) has %lld; use its header", name,
                   static_cast<long long>(size), SPAR_ABI_VERSION, static_cast<long long>(expected));
}

}  // namespace spar
