#include <cstring>
#include <memory>

#include "core/model.h"

using namespace spar;

namespace {

int32_t open_context(const spar_context_desc& desc, spar_context** out) {
  spar_info info{};
  backend_info(&info);
  auto context = std::make_unique<spar_context>();
  context->isa = choose_isa(desc.isa);
  context->ops = backend_table(context->isa);
  if (context->ops == nullptr) return SPAR_E_INVALID;
  context->backend = backend_open(desc.num_threads == 0 ? info.cpu_count : desc.num_threads);
  if (context->backend == nullptr) return SPAR_E_NOMEM;
  context->breadcrumb = desc.breadcrumb;
  clear_breadcrumb(*context);
  *out = context.release();
  return SPAR_OK;
}

int32_t read_profile(spar_context& context, spar_op_profile* out, int32_t capacity, int32_t* count) {
  if (count == nullptr || capacity < 0 || (capacity > 0 && out == nullptr))
    return context.error.set(SPAR_E_INVALID, "out and count must not be NULL, capacity (%d) not negative", capacity);
  for (int32_t i = 0; i < capacity && i < kOpKinds; i++)
    if (int32_t status = check_struct(context.error, "spar_op_profile", &out[i], sizeof *out)) return status;
  int32_t n = 0;
  for (int kind = 0; kind < kOpKinds; kind++) {
    const OpTotals& totals = context.profile.ops[kind];
    if (totals.calls == 0 || n == capacity) continue;
    spar_op_profile entry{sizeof entry, "", totals.calls, totals.time_ns, totals.flops, totals.bytes};
    std::strncpy(entry.name, kOpNames[kind], sizeof entry.name - 1);
    out[n++] = entry;
  }
  *count = n;
  return SPAR_OK;
}

}  // namespace

extern "C" {

int32_t spar_context_open(const spar_context_desc* desc, spar_context** out) {
  ErrorText error;  // lost: there is no handle to ask
  return guarded(error, "spar_context_open", [&]() -> int32_t {
    if (int32_t status = check_struct(error, "spar_context_desc", desc, sizeof *desc)) return status;
    if (out == nullptr || desc->num_threads < 0 || desc->num_threads > 1024) return SPAR_E_INVALID;
    return open_context(*desc, out);
  });
}

int32_t spar_context_close(spar_context* context) {
  if (context == nullptr) return SPAR_E_INVALID;
  return guarded(context->error, "spar_context_close", [&]() -> int32_t {
    if (context->models > 0)
      return context->error.set(SPAR_E_STATE, "%d model(s) are open; close them first", context->models);
    backend_close(context->backend);
    delete context;
    return SPAR_OK;
  });
}

int32_t spar_error(spar_context* context, char* buffer, int64_t capacity) {
  if (context == nullptr || buffer == nullptr || capacity < 1) return SPAR_E_INVALID;
  const char* text = context->error.text();
  size_t length = std::strlen(text), room = static_cast<size_t>(capacity) - 1;
  size_t n = length < room ? length : room;
  std::memcpy(buffer, text, n);
  buffer[n] = '\0';
  return SPAR_OK;
}

int32_t spar_cancel(spar_context* context) {
  if (context == nullptr) return SPAR_E_INVALID;
  context->cancelled.store(1, std::memory_order_relaxed);
  return SPAR_OK;
}

int32_t spar_profile_start(spar_context* context, int32_t on) {
  if (context == nullptr) return SPAR_E_INVALID;
  return guarded(context->error, "spar_profile_start", [&]() -> int32_t {
    if (on != 0 && on != 1) return context->error.set(SPAR_E_INVALID, "on is %d; it must be 0 or 1", on);
    context->profile = Profile{};
    context->profile.on = on == 1;
    return SPAR_OK;
  });
}

int32_t spar_profile_read(spar_context* context, spar_op_profile* out, int32_t capacity, int32_t* count) {
  if (context == nullptr) return SPAR_E_INVALID;
  return guarded(context->error, "spar_profile_read", [&] { return read_profile(*context, out, capacity, count); });
}

int32_t spar_probe_run(spar_context* context, int32_t milliseconds, spar_probe* out) {
  if (context == nullptr) return SPAR_E_INVALID;
  return guarded(context->error, "spar_probe_run", [&]() -> int32_t {
    if (int32_t status = check_struct(context->error, "spar_probe", out, sizeof *out)) return status;
    if (milliseconds < 1 || milliseconds > 60000)
      return context->error.set(SPAR_E_INVALID, "milliseconds is %d; it must be 1 to 60000", milliseconds);
    spar_probe probe{};
    probe.size = sizeof probe;
    if (!backend_probe(context->backend, context->isa, milliseconds, &probe))
      return context->error.set(SPAR_E_NOMEM, "no memory for the read buffer");
    *out = probe;
    return SPAR_OK;
  });
}

}  // extern "C"
