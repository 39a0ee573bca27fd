// Rollouts with llama.cpp through its C API: every prompt is one sequence, all sequences decode in one batch,
// each draws its next token from the whole vocabulary at temperature 1. Speaks the protocol of peer.py.
//   llama_rollout MODEL LIBRARIES WORKLOAD [key=value ...]
//   keys: threads=2 fa=auto|on|off kv=f16|bf16|f32 unified=0|1 ubatch=N sampler=chain|logits|graph repack=1|0

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

long long peak_rss() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::atoll(line.c_str() + 6) * 1024;
  return 0;
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "llama_rollout: %s\n", what);
  std::exit(1);
}

// The number behind "key": in a workload file.
int workload_number(const char* name, const std::string& key) {
  std::ifstream file(name);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const size_t at = text.find('"' + key + "\":");
  const int n = at == std::string::npos ? 0 : std::atoi(text.c_str() + at + key.size() + 3);
  if (n < 1) die(("the workload lacks " + key).c_str());
  return n;
}

struct Rollout {
  int batch, prompt_len, new_tokens;
  std::string sampler;
  llama_context* context = nullptr;
  const llama_vocab* vocab = nullptr;
  std::vector<llama_sampler*> chains;
  llama_batch input{};
  std::mt19937_64 draw{1};
  std::vector<float> weights;

  void add(llama_token token, int position, int sequence, bool output) {
    const int i = input.n_tokens++;
    input.token[i] = token;
    input.pos[i] = position;
    input.n_seq_id[i] = 1;
    input.seq_id[i][0] = sequence;
    input.logits[i] = output;
  }

  void decode() {
    if (llama_decode(context, input) != 0) die("llama_decode failed");
  }

  // The draw written out: one pass for the largest logit, one for the sum, one for the place.
  llama_token sample_logits(int row) {
    const float* logits = llama_get_logits_ith(context, row);
    const int n = llama_vocab_n_tokens(vocab);
    float top = logits[0];
    for (int i = 1; i < n; i++) top = std::max(top, logits[i]);
    float sum = 0;
    for (int i = 0; i < n; i++) sum += weights[i] = std::exp(logits[i] - top);
    float at = std::uniform_real_distribution<float>(0, sum)(draw);
    for (int i = 0; i < n; i++)
      if ((at -= weights[i]) <= 0) return i;
    return n - 1;
  }

  llama_token sample(int sequence, int row) {
    if (sampler == "graph") return llama_get_sampled_token_ith(context, row);
    if (sampler == "chain") return llama_sampler_sample(chains[sequence], context, row);
    return sample_logits(row);
  }

  void run() {
    llama_memory_clear(llama_get_memory(context), true);
    input.n_tokens = 0;
    std::uniform_int_distribution<int> any(0, llama_vocab_n_tokens(vocab) - 1);
    for (int s = 0; s < batch; s++)
      for (int i = 0; i < prompt_len; i++) add(any(draw), i, s, i + 1 == prompt_len);
    decode();
    std::vector<llama_token> next(batch);
    for (int s = 0; s < batch; s++) next[s] = sample(s, (s + 1) * prompt_len - 1);
    for (int i = 1; i < new_tokens; i++) {
      input.n_tokens = 0;
      for (int s = 0; s < batch; s++) add(next[s], prompt_len + i - 1, s, true);
      decode();
      for (int s = 0; s < batch; s++) next[s] = sample(s, s);
    }
  }
};

std::map<std::string, std::string> parse(int argc, char** argv) {
  std::map<std::string, std::string> keys = {{"threads", "2"},  {"fa", "auto"},        {"kv", "f16"},  {"unified", "0"},
                                             {"ubatch", "512"}, {"sampler", "logits"}, {"repack", "1"}};
  for (int i = 4; i < argc; i++) {
    const char* eq = std::strchr(argv[i], '=');
    if (eq == nullptr || keys.count(std::string(argv[i], eq - argv[i])) == 0) die("unknown option");
    keys[std::string(argv[i], eq - argv[i])] = eq + 1;
  }
  return keys;
}

llama_sampler* open_chain(int seed) {
  llama_sampler* chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
  llama_sampler_chain_add(chain, llama_sampler_init_dist(seed));
  return chain;
}

void open(Rollout& r, const char* file, std::map<std::string, std::string>& keys) {
  llama_model_params mp = llama_model_default_params();
  mp.use_extra_bufts = keys["repack"] == "1";
  llama_model* model = llama_model_load_from_file(file, mp);
  if (model == nullptr) die("the model does not load");
  r.vocab = llama_model_get_vocab(model);
  r.weights.resize(llama_vocab_n_tokens(r.vocab));
  r.sampler = keys["sampler"];
  llama_context_params cp = llama_context_default_params();
  const int each = (r.prompt_len + r.new_tokens + 255) / 256 * 256;
  cp.n_ctx = each * r.batch;
  cp.n_batch = r.batch * r.prompt_len;
  cp.n_ubatch = std::atoi(keys["ubatch"].c_str());
  cp.n_seq_max = r.batch;
  cp.n_threads = cp.n_threads_batch = std::atoi(keys["threads"].c_str());
  cp.kv_unified = keys["unified"] == "1";
  cp.no_perf = true;
  cp.flash_attn_type = keys["fa"] == "on"    ? LLAMA_FLASH_ATTN_TYPE_ENABLED
                       : keys["fa"] == "off" ? LLAMA_FLASH_ATTN_TYPE_DISABLED
                                             : LLAMA_FLASH_ATTN_TYPE_AUTO;
  cp.type_k = cp.type_v = keys["kv"] == "f32" ? GGML_TYPE_F32 : keys["kv"] == "bf16" ? GGML_TYPE_BF16 : GGML_TYPE_F16;
  std::vector<llama_sampler_seq_config> configs;
  for (int s = 0; s < r.batch; s++) {
    r.chains.push_back(open_chain(s));
    configs.push_back({s, r.chains[s]});
  }
  if (r.sampler == "graph") {
    cp.samplers = configs.data();
    cp.n_samplers = configs.size();
  }
  r.context = llama_init_from_model(model, cp);
  if (r.context == nullptr) die("the context does not open");
  r.input = llama_batch_init(cp.n_batch, 0, 1);
}

double timed(Rollout& r) {
  const auto t = Clock::now();
  r.run();
  return seconds_since(t);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) die("usage: llama_rollout MODEL LIBRARIES WORKLOAD [key=value ...]");
  const auto begun = Clock::now();
  auto keys = parse(argc, argv);
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_WARN || level == GGML_LOG_LEVEL_ERROR || std::getenv("LLAMA_VERBOSE") != nullptr)
          std::fputs(text, stderr);
      },
      nullptr);
  ggml_backend_load_all_from_path(argv[2]);
  llama_backend_init();
  Rollout r;
  r.batch = workload_number(argv[3], "batch");
  r.prompt_len = workload_number(argv[3], "prompt_len");
  r.new_tokens = workload_number(argv[3], "new_tokens");
  open(r, argv[1], keys);
  const int new_tokens = std::exchange(r.new_tokens, 4);
  const double first = timed(r);
  r.new_tokens = new_tokens;
  reset_peak();
  std::printf("{\"ready\": true, \"llama_cpp\": \"v0.5.0\", \"setup_s\": %.3f, \"first_step_s\": %.3f}\n",
              seconds_since(begun), first);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<double> times;
    const auto t = Clock::now();
    while (times.empty() || seconds_since(t) < std::atof(line.c_str())) times.push_back(timed(r));
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    const double median = (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
    std::printf("{\"tokens_per_s\": %.2f, \"tokens\": %d, \"peak_rss\": %lld, \"steps_s\": [", r.batch * r.new_tokens / median,
                r.batch * r.new_tokens, peak_rss());
    for (size_t i = 0; i < times.size(); i++) std::printf("%s%.4f", i ? ", " : "", times[i]);
    std::printf("]}\n");
    std::fflush(stdout);
  }
}
