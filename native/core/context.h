// The context handle: threads, kernels, error text, cancel flag, profile; and the guard that every
// entry point runs in.
#pragma once
#include <atomic>
#include <exception>
#include <new>

#include "core/backend.h"
#include "core/error_text.h"
#include "core/profile.h"

struct spar_context {
  spar::BackendState* backend = nullptr;
  const spar::OpTable* ops = nullptr;
  int32_t isa = 0;
  char* breadcrumb = nullptr;         // 64 bytes of the host, or NULL
  std::atomic<int32_t> cancelled{0};  // the one field that other threads may touch
  int32_t models = 0;                 // open children
  int64_t allocated = 0;              // bytes now held for models, batches, optimizers, samplers
  spar::ErrorText error;
  spar::Profile profile;
};

namespace spar {

constexpr int kBreadcrumbBytes = 64;

// Runs the body of an entry point; what it throws becomes a status.
template <class F>
int32_t guarded(ErrorText& error, const char* entry, F&& body) noexcept {
  int32_t status;
  try {
    status = body();
  } catch (const std::bad_alloc&) {
    status = error.set(SPAR_E_NOMEM, "out of memory for bookkeeping; free memory or use a smaller batch");
  } catch (const std::exception& e) {
    status = error.set(SPAR_E_INTERNAL, "unexpected failure: %s", e.what());
  } catch (...) {
    status = error.set(SPAR_E_INTERNAL, "unexpected failure of unknown kind");
  }
  return status == SPAR_OK ? status : error.prepend(status, entry);
}

}  // namespace spar
