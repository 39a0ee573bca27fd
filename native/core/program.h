// A program: a flat list of op calls with labels. It is built once per batch or sampler, run many
// times, timed op by op, and printable.
#pragma once
#include <string>
#include <vector>

#include "core/context.h"
#include "core/op_list.h"

namespace spar {

struct OpCall {
  OpArgs args;
  std::string label;  // "layer 3 attention_forward"
};

using Program = std::vector<OpCall>;

// Appends a call. layer -1: the op belongs to no layer. part names the weight, or is "".
template <class Args>
void append(Program& program, int32_t layer, const char* part, const Args& args) {
  OpArgs any = args;
  std::string label = layer < 0 ? "" : "layer " + std::to_string(layer) + " ";
  label += kOpNames[any.index()];
  if (*part != '\0') label = label + " " + part;
  program.push_back({std::move(any), std::move(label)});
}

// Runs one call: breadcrumb, kernel, profile.
void run_call(spar_context& context, const Exec& exec, const OpCall& call);

// Runs all calls in order; polls the cancel flag before each. OK or CANCELLED.
int32_t run_program(spar_context& context, const Exec& exec, const Program& program);

// Empties the breadcrumb: no op is in hand.
void clear_breadcrumb(spar_context& context);

// A named block of memory, for printing pointers as name+offset.
struct Region {
  const char* name;
  const void* base;
  int64_t bytes;
};

// The program as text, one call a line.
std::string program_text(const Program& program, const std::vector<Region>& regions);

}  // namespace spar
