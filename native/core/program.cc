#include "core/program.h"

#include <chrono>
#include <cstring>

#include "core/op_cost.h"

namespace spar {
namespace {

using Clock = std::chrono::steady_clock;

struct Dispatch {
  const Exec& exec;
  const OpTable& ops;

  void operator()(const ZeroRows& args) const {
    backend_zero(exec.backend, args.out, int64_t{*args.rows} * args.c * static_cast<int64_t>(sizeof(float)));
  }
#define SPAR_DISPATCH_ITEM(Args, name) \
  void operator()(const Args& args) const { ops.name(exec, args); }
  SPAR_TABLE_OPS(SPAR_DISPATCH_ITEM)
#undef SPAR_DISPATCH_ITEM
};

void write_breadcrumb(spar_context& context, const char* label) {
  if (context.breadcrumb == nullptr) return;
  std::strncpy(context.breadcrumb, label, kBreadcrumbBytes - 1);
  context.breadcrumb[kBreadcrumbBytes - 1] = '\0';
}

void add_totals(spar_context& context, const Exec& exec, const OpCall& call, int64_t time_ns) {
  OpTotals& totals = context.profile.ops[call.args.index()];
  OpCost cost = op_cost(exec, call.args);
  totals.calls++;
  totals.time_ns += time_ns;
  totals.flops += cost.flops;
  totals.bytes += cost.bytes;
}

}  // namespace

void run_call(spar_context& context, const Exec& exec, const OpCall& call) {
  write_breadcrumb(context, call.label.c_str());
  Dispatch dispatch{exec, *context.ops};
  if (!context.profile.on) return std::visit(dispatch, call.args);
  auto start = Clock::now();
  std::visit(dispatch, call.args);
  auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start);
  add_totals(context, exec, call, time.count());
}

int32_t run_program(spar_context& context, const Exec& exec, const Program& program) {
  for (const OpCall& call : program) {
    if (context.cancelled.load(std::memory_order_relaxed) != 0) {
      clear_breadcrumb(context);
      return context.error.set(SPAR_E_CANCELLED, "cancelled before %s", call.label.c_str());
    }
    run_call(context, exec, call);
  }
  clear_breadcrumb(context);
  return SPAR_OK;
}

void clear_breadcrumb(spar_context& context) { write_breadcrumb(context, ""); }

}  // namespace spar
