// Text of programs: each op's tensors as region+offset.
#include <cinttypes>
#include <cstdio>

#include "core/program.h"

namespace spar {
namespace {

struct Printer {
  const std::vector<Region>& regions;
  std::string& text;

  void pointer(const char* name, const void* p) {
    char item[96];
    for (const Region& region : regions) {
      auto offset = static_cast<int64_t>(reinterpret_cast<uintptr_t>(p) - reinterpret_cast<uintptr_t>(region.base));
      if (region.base == nullptr || offset < 0 || offset >= region.bytes) continue;
      std::snprintf(item, sizeof item, "  %s=%s+%" PRId64, name, region.name, offset);
      text += item;
      return;
    }
    std::snprintf(item, sizeof item, "  %s=%s", name, p == nullptr ? "none" : "host");
    text += item;
  }
  void number(const char* name, int64_t value) {
    char item[64];
    std::snprintf(item, sizeof item, "  %s=%" PRId64, name, value);
    text += item;
  }
  void weight(const PackedWeight& w) {
    pointer("weight", w.master);
    char item[64];
    std::snprintf(item, sizeof item, "[%" PRId64 ",%" PRId64 "]", w.n, w.k);
    text += item;
  }
  void shape(const AttentionShape& s) {
    number("heads", s.heads);
    number("kv_heads", s.kv_heads);
    number("head_dim", s.head_dim);
    number("window", s.window);
  }
  void shape(const RopeShape& s) {
    number("heads", s.heads);
    number("kv_heads", s.kv_heads);
    number("head_dim", s.head_dim);
    if (s.q_norm == nullptr) return;
    pointer("q_norm", s.q_norm);
    pointer("k_norm", s.k_norm);
  }

  void pool(const KvPool& p) { pointer("keys", p.keys), pointer("values", p.values); }

  void operator()(const ZeroRows& a) { pointer("out", a.out), number("c", a.c); }
  void operator()(const EmbedForward& a) {
    pointer("token", a.token), pointer("table", a.table), pointer("x", a.x), number("c", a.c);
  }
  void operator()(const EmbedBackward& a) {
    pointer("token", a.token), pointer("dx", a.dx), pointer("dtable", a.dtable), number("c", a.c);
  }
  void operator()(const NormForward& a) {
    pointer("x", a.x), pointer("w", a.w), pointer("y", a.y), pointer("rstd", a.rstd), number("c", a.c);
  }
  void operator()(const NormApply& a) {
    pointer("x", a.x), pointer("w", a.w), pointer("rstd", a.rstd), pointer("y", a.y), number("c", a.c);
  }
  void operator()(const NormBackward& a) {
    pointer("dy", a.dy), pointer("x", a.x), pointer("w", a.w), pointer("rstd", a.rstd), pointer("dx", a.dx);
    pointer("dw", a.dw), pointer("partial", a.partial), number("c", a.c);
  }
  void operator()(const LinearPrepare& a) { weight(a.weight); }
  void operator()(const LinearForward& a) {
    pointer("x", a.x), weight(a.weight), pointer("bias", a.bias), pointer("y", a.y);
    pointer("residual", a.residual);
  }
  void operator()(const LinearGated& a) {
    pointer("x", a.x), weight(a.weight), pointer("gate_up", a.gate_up), pointer("h", a.h), number("keep", a.keep);
  }
  void operator()(const LinearBackwardInput& a) {
    pointer("dy", a.dy), weight(a.weight), pointer("dx", a.dx), number("accumulate", a.accumulate);
  }
  void operator()(const LinearBackwardWeight& a) {
    pointer("dy", a.dy), pointer("x", a.x), pointer("dw", a.dw), pointer("dbias", a.dbias);
    number("n", a.n), number("k", a.k);
  }
  void operator()(const RopeForward& a) { pointer("qkv", a.qkv), pointer("out", a.out), shape(a.shape); }
  void operator()(const RopeBackward& a) {
    pointer("d", a.d), pointer("qkv", a.qkv), pointer("partial", a.partial), shape(a.shape);
  }
  void operator()(const AttentionForward& a) {
    pointer("qkv", a.qkv), pointer("out", a.out), pointer("lse", a.lse), shape(a.shape);
  }
  void operator()(const AttentionBackward& a) {
    pointer("qkv", a.qkv), pointer("out", a.out), pointer("lse", a.lse), pointer("dout", a.dout);
    pointer("dqkv", a.dqkv), shape(a.shape);
  }
  void operator()(const AttentionDecode& a) {
    pointer("qkv", a.qkv), pool(a.pool), pointer("out", a.out), shape(a.shape);
  }
  void operator()(const KvWrite& a) { pointer("qkv", a.qkv), pool(a.pool); }
  void operator()(const ActBackward& a) {
    pointer("dh", a.dh), pointer("gate_up", a.gate_up), pointer("d_gate_up", a.d_gate_up), number("f", a.f);
  }
  void operator()(const HeadForward& a) {
    pointer("x", a.x), weight(a.weight), pointer("logp", a.logp), pointer("lse", a.lse);
    pointer("entropy", a.entropy), pointer("chunk", a.chunk);
  }
  void operator()(const HeadBackward& a) {
    pointer("x", a.x), weight(a.weight), pointer("lse", a.lse), pointer("coef", a.coef), pointer("dx", a.dx);
    pointer("dw", a.dw), pointer("chunk", a.chunk);
  }
  void operator()(const Gather& a) {
    pointer("index", a.index), pointer("x", a.x), pointer("out", a.out), number("c", a.c);
  }
  void operator()(const Scatter& a) {
    pointer("index", a.index), pointer("x", a.x), pointer("out", a.out), number("c", a.c);
  }
  void operator()(const GradNorm& a) { pointer("grad", a.grad), number("count", a.count); }
  void operator()(const OptimizerUpdate& a) { pointer("param", a.param), number("count", a.count); }
  void operator()(const Sample& a) {
    pointer("logits", a.logits), pointer("token", a.token), pointer("logp", a.logp), number("v", a.v);
  }
};

}  // namespace

std::string program_text(const Program& program, const std::vector<Region>& regions) {
  std::string text;
  for (size_t i = 0; i < program.size(); i++) {
    char head[96];
    std::snprintf(head, sizeof head, "%4zu  %-40s", i, program[i].label.c_str());
    text += head;
    std::visit(Printer{regions, text}, program[i].args);
    text += '\n';
  }
  return text;
}

}  // namespace spar
