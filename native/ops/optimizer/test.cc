// Tests of optimizer: see tests/op_case.h.
#include <cmath>
#include <cstring>

#include "ops/optimizer/plain.h"
#include "tests/op_case.h"

namespace spar {
namespace test {
namespace {

// One set of buffers from the same start.
struct State {
  float *param, *first, *second, *grad;
};

OptimizerUpdate settings(int32_t kind, int64_t step) {
  OptimizerUpdate a = {};
  a.kind = kind;
  a.learning_rate = 1e-3;
  a.beta1 = 0.9;
  a.beta2 = kind == SPAR_OPTIM_ADAMW ? 0.999 : 0.99;
  a.eps = 1e-8;
  a.weight_decay = 0.1;
  a.grad_scale = 0.25;
  a.step = step;
  return a;
}

void update(Check& c, int32_t kind, int64_t count, int64_t step) {
  const float *param = c.input(count, 1), *grad = c.input(count, 2), *first = c.input(count, 3, 0, 0.1f);
  const float* second = c.input(count, 4, 0, 0.1f);
  auto start = [&] {
    return State{c.copy(param, count), c.copy(first, count), kind == SPAR_OPTIM_ADAMW ? c.copy(second, count) : nullptr,
                 c.copy(grad, count)};
  };
  auto args = [&](State s) {
    OptimizerUpdate a = settings(kind, step);
    a.count = count;
    a.param = s.param, a.first = s.first, a.second = s.second, a.grad = s.grad;
    return a;
  };
  const State got = start(), truth = start(), yardstick = start();
  c.kernels().optimizer_update(c.exec(2), args(got));
  c.reference().optimizer_update(c.exec(1), args(truth));
  plain::optimizer_update<float>(c.exec(1), args(yardstick));
  c.near("param", got.param, truth.param, yardstick.param, count);
  c.near("first", got.first, truth.first, yardstick.first, count);
  if (got.second) c.near("second", got.second, truth.second, yardstick.second, count);
  for (int64_t i = 0; i < count; i++)
    if (got.grad[i] != 0) return c.expect(false, "gradient %lld is not zeroed", static_cast<long long>(i));
  for (int32_t n : kThreadCounts) {
    const State again = start();
    c.kernels().optimizer_update(c.exec(n), args(again));
    c.same_bits("param with other threads", again.param, got.param, count);
    c.same_bits("first with other threads", again.first, got.first, count);
    if (got.second) c.same_bits("second with other threads", again.second, got.second, count);
  }
}

// A matrix [n, k] is updated to the bits of a vector, and its copies are those that prepare makes of it.
void pack(Check& c, int32_t kind, int64_t n, int64_t k, int32_t precision, bool backward) {
  const int64_t count = n * k;
  const float *param = c.input(count, 1), *grad = c.input(count, 2), *first = c.input(count, 3, 0, 0.1f);
  const float* second = c.input(count, 4, 0, 0.1f);
  auto args = [&] {
    OptimizerUpdate a = settings(kind, 3);
    a.count = count;
    a.param = c.copy(param, count), a.first = c.copy(first, count), a.grad = c.copy(grad, count);
    a.second = kind == SPAR_OPTIM_ADAMW ? c.copy(second, count) : nullptr;
    return a;
  };
  const int64_t bytes[] = {c.kernels().linear_packed_bytes(n, k, precision, 0),
                           backward ? c.kernels().linear_packed_bytes(n, k, precision, 1) : 0};
  auto copies_of = [&](const float* master) {
    return PackedWeight{master, c.raw(bytes[0]), backward ? c.raw(bytes[1]) : nullptr, n, k};
  };
  const OptimizerUpdate want = args();
  c.kernels().optimizer_update(c.exec(1, precision), want);
  const PackedWeight packed = copies_of(want.param);
  c.kernels().linear_prepare(c.exec(1, precision), {packed});
  for (int32_t threads : kThreadCounts) {
    OptimizerUpdate a = args();
    a.weight = copies_of(a.param);
    c.kernels().optimizer_update(c.exec(threads, precision), a);
    c.same_bits("param", a.param, want.param, count);
    c.same_bits("first", a.first, want.first, count);
    if (a.second) c.same_bits("second", a.second, want.second, count);
    c.same_bits("grad", a.grad, want.grad, count);
    c.expect(std::memcmp(a.weight.forward, packed.forward, static_cast<size_t>(bytes[0])) == 0, "the forward copy");
    c.expect(!backward || std::memcmp(a.weight.backward, packed.backward, static_cast<size_t>(bytes[1])) == 0,
             "the backward copy");
  }
}

// Three steps of torch.optim.RMSprop(lr=1e-3, alpha=0.99, eps=1e-8) worked out in double.
void known_rmsprop(Check& c) {
  const float grads[3][2] = {{0.5f, -0.125f}, {0.25f, 0.25f}, {-1.0f, 0.0f}};
  const double squares[3][2] = {{0.0025, 0.00015625}, {0.0031, 0.0007796875}, {0.013069, 0.000771890625}};
  const double params[3][2] = {{0.9900000019999996, -1.9900000079999935},
                               {0.9855098702557817, -1.9989532344142988},
                               {0.9942572661607133, -1.9989532344142988}};
  float *param = c.output(2), *square = c.output(2);
  param[0] = 1, param[1] = -2, square[0] = square[1] = 0;
  for (int step = 0; step < 3; step++) {
    OptimizerUpdate a = settings(SPAR_OPTIM_RMSPROP, step + 1);
    a.weight_decay = 0, a.grad_scale = 1, a.count = 2;
    a.param = param, a.grad = c.copy(grads[step], 2), a.first = square;
    c.kernels().optimizer_update(c.exec(1), a);
    for (int i = 0; i < 2; i++) {
      c.expect(std::fabs(param[i] - params[step][i]) <= 3e-7, "step %d: param %d is %.9g, not %.9g", step + 1, i,
               static_cast<double>(param[i]), params[step][i]);
      c.expect(std::fabs(square[i] - squares[step][i]) <= 1e-6 * squares[step][i],
               "step %d: square %d is %.9g, not %.9g", step + 1, i, static_cast<double>(square[i]), squares[step][i]);
    }
  }
}

// At a learning rate of 5e-7 a parameter near 0.02 moves by the predicted amount, to half an ulp
// of the parameter; the same step would leave a bfloat16 (spacing 6e-5) where it is.
void tiny_rate(Check& c, int32_t kind) {
  const int64_t count = 100;
  const float *start = c.input(count, 1, 0.016f, 0.03f), *grad = c.input(count, 2, 1e-4f, 1e-2f);
  float *param = c.copy(start, count), *first = c.inout(count, 3, 0, 0), *second = c.inout(count, 3, 0, 0);
  OptimizerUpdate a = settings(kind, 1);
  a.learning_rate = 5e-7, a.grad_scale = 1, a.weight_decay = 0.01, a.count = count;
  a.param = param, a.grad = c.copy(grad, count), a.first = first,
  a.second = kind == SPAR_OPTIM_ADAMW ? second : nullptr;
  c.kernels().optimizer_update(c.exec(1), a);
  for (int64_t i = 0; i < count; i++) {
    const double g = grad[i] + (kind == SPAR_OPTIM_ADAMW ? 0 : 0.01 * start[i]);
    const double size = kind == SPAR_OPTIM_ADAMW ? g + 1e-8 : 0.1 * g + 1e-8;  // of v's root, bias corrected for AdamW
    const double want = -5e-7 * g / size - (kind == SPAR_OPTIM_ADAMW ? 5e-7 * 0.01 * start[i] : 0);
    const double moved = static_cast<double>(param[i]) - start[i];
    c.expect(std::fabs(moved - want) <= 0x1p-30 + 1e-5 * std::fabs(want), "parameter %lld moved by %.6g, not %.6g",
             static_cast<long long>(i), moved, want);
  }
}

void bias_uncorrected(const Exec& e, const OptimizerUpdate& a) {
  OptimizerUpdate b = a;
  b.step = 1000000;
  genuine().optimizer_update(e, b);
}
void unscaled(const Exec& e, const OptimizerUpdate& a) {
  OptimizerUpdate b = a;
  b.grad_scale = 1;
  genuine().optimizer_update(e, b);
}
void undecayed(const Exec& e, const OptimizerUpdate& a) {
  OptimizerUpdate b = a;
  b.weight_decay = 0;
  genuine().optimizer_update(e, b);
}
void grad_left(const Exec& e, const OptimizerUpdate& a) {
  const float last = a.grad[a.count - 1];
  genuine().optimizer_update(e, a);
  a.grad[a.count - 1] = last;
}
void packed_too_early(const Exec& e, const OptimizerUpdate& a) {
  if (a.weight.forward) genuine().linear_prepare(e, {a.weight});
  OptimizerUpdate b = a;
  b.weight = {};
  genuine().optimizer_update(e, b);
}
void tail_lost(const Exec& e, const OptimizerUpdate& a) {
  OptimizerUpdate b = a;
  b.count = a.count / 16 * 16;
  genuine().optimizer_update(e, b);
}

const Registration cases([] {
  for (int32_t kind : {SPAR_OPTIM_ADAMW, SPAR_OPTIM_RMSPROP}) {
    const std::string name = kind == SPAR_OPTIM_ADAMW ? "adamw" : "rmsprop";
    for (int64_t count : {1, 7, 16, 33, 576, 16384, 40001})
      for (int64_t step : {1, 2, 1000})
        add_case("optimizer", name + " count=" + std::to_string(count) + ",step=" + std::to_string(step),
                 [=](Check& c) { update(c, kind, count, step); });
    for (int32_t precision : {SPAR_FP32, SPAR_BF16})
      for (bool backward : {false, true})
        for (int64_t n : {1, 47, 96, 97, 211})
          for (int64_t k : {1, 33, 128})
            add_case("optimizer",
                     name + (precision == SPAR_BF16 ? " pack bf16" : " pack") + (backward ? " both" : "") +
                         " n=" + std::to_string(n) + ",k=" + std::to_string(k),
                     [=](Check& c) { pack(c, kind, n, k, precision, backward); });
    add_case("optimizer", name + " tiny learning rate", [=](Check& c) { tiny_rate(c, kind); });
  }
  add_case("optimizer", "rmsprop known numbers", known_rmsprop);
  add_planted("optimizer", "no bias correction", [](OpTable& t) { t.optimizer_update = bias_uncorrected; });
  add_planted("optimizer", "gradient not scaled", [](OpTable& t) { t.optimizer_update = unscaled; });
  add_planted("optimizer", "no weight decay", [](OpTable& t) { t.optimizer_update = undecayed; });
  add_planted("optimizer", "gradient not zeroed", [](OpTable& t) { t.optimizer_update = grad_left; });
  add_planted("optimizer", "old weights packed", [](OpTable& t) { t.optimizer_update = packed_too_early; });
  add_planted("optimizer", "tail not updated", [](OpTable& t) { t.optimizer_update = tail_lost; });
});

}  // namespace
}  // namespace test
}  // namespace spar
