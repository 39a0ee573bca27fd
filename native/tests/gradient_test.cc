// Gradients of whole tiny models against finite differences, for every feature of a family and
// every shape of batch. The reference kernels run: their forward is exact up to the fp32 of what
// lies between ops.
//
// For a direction u of one tensor, g.u is compared with the five-point difference of the loss
// along u. Its error is rounding of the loss (a few ulp of what is summed, divided by the step)
// plus the fifth derivative times step^4: kTolerance of the gradient's length covers both, and a
// gradient that is wrong by kPlanted of its length must be noticed.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "include/spar.h"

namespace {

constexpr double kStep = 0.004;
constexpr double kTolerance = 1e-3;
constexpr double kPlanted = 1e-2;

int failures = 0;

void require(int32_t status, const char* what) {
  if (status == SPAR_OK) return;
  std::fprintf(stderr, "%s: status %d\n", what, status);
  std::exit(1);
}
#define REQUIRE(call) require(call, #call)

struct Random {
  uint64_t state;
  double unit() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<double>(state >> 11) * 0x1p-53;
  }
  double between(double low, double high) { return low + (high - low) * unit(); }
  int32_t below(int32_t n) { return static_cast<int32_t>(unit() * n); }
};

struct Case {
  const char* name;
  int32_t heads, kv_heads, tied, bias, qk_norm, window, window_first_layer;
  const char* batch;  // "group", "plain" or "tree"
};

class Engine {
 public:
  explicit Engine(const Case& c) {
    spar_context_desc context{sizeof context, 2, SPAR_ISA_REF, nullptr};
    REQUIRE(spar_context_open(&context, &context_));
    const double inv_freq[] = {1.0, 0.3, 0.07};
    spar_model_spec spec{};
    spec.size = sizeof spec;
    spec.vocab_size = kVocab;
    spec.hidden_size = 10;
    spec.num_layers = 2;
    spec.num_heads = c.heads;
    spec.num_kv_heads = c.kv_heads;
    spec.head_dim = 6;
    spec.intermediate_size = 14;
    spec.max_positions = 32;
    spec.tie_embeddings = c.tied;
    spec.qkv_bias = c.bias;
    spec.qk_norm = c.qk_norm;
    spec.sliding_window = c.window;
    spec.window_first_layer = c.window_first_layer;
    spec.norm_eps = 1e-5f;
    spec.rope_scale = 1.1;
    spec.rope_inv_freq = inv_freq;
    spar_model_desc desc{sizeof desc, SPAR_FP32, 1};
    REQUIRE(spar_model_open(context_, &spec, &desc, &model_));
    spar_batch_desc batch{sizeof batch, 32, 8, 32, 1};
    REQUIRE(spar_batch_open(model_, &batch, &batch_));
    arrays_.size = sizeof arrays_;
    REQUIRE(spar_batch_pointers(batch_, &arrays_));
    fill_weights();
    fill_batch(c.batch);
  }
  ~Engine() {
    REQUIRE(spar_batch_close(batch_));
    REQUIRE(spar_model_close(model_));
    REQUIRE(spar_context_close(context_));
  }
  Engine(const Engine&) = delete;

  std::vector<spar_tensor> tensors() const {
    std::vector<spar_tensor> all;
    spar_tensor t{};
    t.size = sizeof t;
    while (spar_model_tensor(model_, static_cast<int32_t>(all.size()), &t) == SPAR_OK) all.push_back(t);
    return all;
  }

  double loss() const {
    REQUIRE(spar_model_prepare(model_));
    spar_forward_desc d{sizeof d, rows_, segments_, 0, 0};
    REQUIRE(spar_forward(batch_, &d));
    double sum = 0;
    for (int32_t m = 0; m < rows_; m++)
      if (arrays_.target[m] >= 0) sum += static_cast<double>(arrays_.coef[m]) * arrays_.logp[m];
    return sum;
  }

  void gradient() const {
    REQUIRE(spar_model_zero_grad(model_));
    loss();
    REQUIRE(spar_backward(batch_));
  }

 private:
  static constexpr int32_t kVocab = 19;

  void fill_weights() const {
    for (const spar_tensor& t : tensors()) {
      Random random{std::hash<std::string>()(t.name)};
      const bool norm = std::strstr(t.name, "norm") != nullptr;
      for (int64_t i = 0; i < t.elements; i++)
        t.data[i] = static_cast<float>(norm ? random.between(0.7, 1.3) : random.between(-0.5, 0.5));
    }
  }

  // `scored` rows have a target.
  void add_segment(int32_t num_rows, int32_t prefix, bool scored) {
    int32_t position = 0;
    if (prefix >= 0) {
      const spar_segment& p = arrays_.segment[prefix];
      position = arrays_.position[p.first_row + p.num_rows - 1] + 1;
    }
    arrays_.segment[segments_++] = {rows_, num_rows, prefix, 0};
    for (int32_t i = 0; i < num_rows; i++, rows_++) {
      arrays_.token[rows_] = random_.below(kVocab);
      arrays_.position[rows_] = position + i;
      arrays_.target[rows_] = scored ? random_.below(kVocab) : -1;
      arrays_.coef[rows_] = static_cast<float>(random_.between(-1, 1));
    }
  }

  void fill_batch(const std::string& kind) {
    if (kind == "plain") {
      add_segment(9, -1, true);
    } else if (kind == "group") {
      add_segment(5, -1, false);
      for (int i = 0; i < 3; i++) add_segment(4, 0, true);
      add_segment(3, -1, true);
    } else {  // tree: a shared root, two branches, leaves on each
      add_segment(3, -1, false);
      add_segment(4, 0, true);
      add_segment(2, 0, false);
      add_segment(5, 1, true);
      add_segment(4, 2, true);
      add_segment(3, 2, true);
    }
  }

  spar_context* context_ = nullptr;
  spar_model* model_ = nullptr;
  spar_batch* batch_ = nullptr;
  spar_batch_arrays arrays_{};
  int32_t rows_ = 0, segments_ = 0;
  Random random_{4};
};

double length(const std::vector<double>& v) {
  double sum = 0;
  for (double x : v) sum += x * x;
  return std::sqrt(sum);
}

// d loss / d step along `direction` (of length 1) from the tensor's values `at`.
double difference(const Engine& engine, const spar_tensor& t, const std::vector<float>& at,
                  const std::vector<double>& direction) {
  auto loss = [&](double step) {
    for (int64_t i = 0; i < t.elements; i++)
      t.data[i] = static_cast<float>(at[static_cast<size_t>(i)] + step * direction[static_cast<size_t>(i)]);
    return engine.loss();
  };
  double slope = (8 * (loss(kStep) - loss(-kStep)) - (loss(2 * kStep) - loss(-2 * kStep))) / (12 * kStep);
  std::copy(at.begin(), at.end(), t.data);
  return slope;
}

// The gradient's own direction, a random one, and the steepest single coordinate.
std::vector<std::vector<double>> directions(const std::vector<double>& grad, Random& random) {
  std::vector<double> along = grad, any(grad.size()), single(grad.size(), 0.0);
  for (double& x : any) x = random.between(-1, 1);
  size_t steepest = 0;
  for (size_t i = 0; i < grad.size(); i++)
    if (std::fabs(grad[i]) > std::fabs(grad[steepest])) steepest = i;
  single[steepest] = 1;
  std::vector<std::vector<double>> all{along, any, single};
  for (auto& direction : all) {
    double size = length(direction);
    for (double& x : direction) x /= size;
  }
  return all;
}

void check_tensor(const Case& c, const Engine& engine, const spar_tensor& t, Random& random, double* worst) {
  const std::vector<double> grad(t.grad, t.grad + t.elements);
  const std::vector<float> at(t.data, t.data + t.elements);
  const double size = length(grad);
  if (!(size > 1e-3)) {
    failures++;
    std::fprintf(stderr, "%s: %s: the gradient is %g long; the case tests nothing\n", c.name, t.name, size);
    return;
  }
  for (const auto& direction : directions(grad, random)) {
    double slope = difference(engine, t, at, direction), product = 0;
    for (size_t i = 0; i < grad.size(); i++) product += grad[i] * direction[i];
    const double error = std::fabs(slope - product) / size;
    *worst = std::fmax(*worst, error);
    if (error <= kTolerance) continue;
    failures++;
    std::fprintf(stderr, "%s: %s: slope %.7g, gradient %.7g, of a length of %.7g\n", c.name, t.name, slope, product,
                 size);
  }
  // A gradient that is longer by kPlanted has to fail the comparison above.
  double slope = difference(engine, t, at, directions(grad, random)[0]);
  if (std::fabs(slope - size * (1 + kPlanted)) / size > kTolerance) return;
  failures++;
  std::fprintf(stderr, "%s: %s: a planted error of %g was not noticed\n", c.name, t.name, kPlanted);
}

void check_case(const Case& c) {
  Engine engine(c);
  engine.gradient();
  Random random{9};
  double worst = 0;
  for (const spar_tensor& t : engine.tensors()) check_tensor(c, engine, t, random, &worst);
  std::printf("%-28s largest error %.2g of the gradient\n", c.name, worst);
}

}  // namespace

int main() {
  const Case cases[] = {
      // name                     H  G  tied bias qk_norm window from batch
      {"tied, plain", 2, 2, 1, 0, 0, 0, 0, "plain"},
      {"untied, plain", 2, 2, 0, 0, 0, 0, 0, "plain"},
      {"grouped queries, group", 4, 2, 1, 0, 0, 0, 0, "group"},
      {"one key head, tree", 3, 1, 0, 0, 0, 0, 0, "tree"},
      {"bias, group", 2, 1, 1, 1, 0, 0, 0, "group"},
      {"qk-norm, group", 2, 1, 1, 0, 1, 0, 0, "group"},
      {"window, group", 2, 1, 0, 0, 0, 3, 0, "group"},
      {"window from layer 1, tree", 2, 1, 1, 0, 0, 4, 1, "tree"},
      {"everything, tree", 4, 2, 1, 1, 1, 5, 1, "tree"},
  };
  for (const Case& c : cases) check_case(c);
  return failures > 0;
}
