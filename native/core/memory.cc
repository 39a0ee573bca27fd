#include "core/memory.h"

namespace spar {

Memory::~Memory() {
  if (data_ == nullptr) return;
  backend_free(data_, bytes_);
  context_->allocated -= bytes_;
}

int32_t Memory::open(spar_context* context, int64_t bytes, const char* purpose) {
  if (bytes == 0) return SPAR_OK;
  void* data = backend_alloc(bytes);
  if (data == nullptr)
    return context->error.set(SPAR_E_NOMEM, "%lld bytes for %s could not be allocated; use a smaller size",
                              static_cast<long long>(bytes), purpose);
  context_ = context;
  data_ = data;
  bytes_ = bytes;
  context->allocated += bytes;
  return SPAR_OK;
}

}  // namespace spar
