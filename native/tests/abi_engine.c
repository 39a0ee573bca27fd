/* The tiny engine and batches that the ABI tests run on. */
#include "tests/abi_test.h"

int failures = 0;

void fail_at(const char* file, int line, const char* what) {
  failures++;
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

void expect(spar_context* context, int32_t got, int32_t want, const char* part, const char* file, int line) {
  char text[512] = "", message[1200];
  if (context != NULL) spar_error(context, text, sizeof text);
  if (got == want && (want == SPAR_OK || strstr(text, part) != NULL)) return;
  snprintf(message, sizeof message, "status %d, want %d with \"%s\"; text: %s", got, want, part, text);
  fail_at(file, line, message);
}

spar_model_spec tiny_spec(int features) {
  static const double inv_freq[HEAD_DIM / 2] = {1.0, 0.25, 0.04};
  spar_model_spec s;
  memset(&s, 0, sizeof s);
  s.size = sizeof s;
  s.vocab_size = VOCAB;
  s.hidden_size = HIDDEN;
  s.num_layers = LAYERS;
  s.num_heads = HEADS;
  s.num_kv_heads = KV_HEADS;
  s.head_dim = HEAD_DIM;
  s.intermediate_size = FFN;
  s.max_positions = POSITIONS;
  s.tie_embeddings = (features & TIED) != 0;
  s.qkv_bias = (features & BIAS) != 0;
  s.qk_norm = (features & QK_NORM) != 0;
  s.sliding_window = (features & WINDOW) != 0 ? 5 : 0;
  s.window_first_layer = (features & WINDOW) != 0 ? 1 : 0;
  s.norm_eps = 1e-5f;
  s.rope_scale = 1.0;
  s.rope_inv_freq = inv_freq;
  return s;
}

spar_model_desc tiny_desc(int32_t precision) {
  spar_model_desc d = {sizeof d, precision, 1};
  return d;
}

uint32_t next_random(uint64_t* state) {
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(*state >> 33);
}

float random_between(uint64_t* state, float low, float high) {
  return low + (high - low) * (float)(next_random(state) % 65536) / 65536.0f;
}

void fill_weights(spar_context* context, spar_model* model) {
  spar_tensor t = {.size = sizeof t};
  for (int32_t i = 0; spar_model_tensor(model, i, &t) == SPAR_OK; i++) {
    uint64_t state = 77 + (uint64_t)i;
    int norm = strstr(t.name, "norm") != NULL;
    for (int64_t k = 0; k < t.elements; k++)
      t.data[k] = norm ? random_between(&state, 0.7f, 1.3f) : random_between(&state, -0.45f, 0.45f);
  }
  char text[256];
  OK(context, spar_error(context, text, sizeof text));
  CHECK(strstr(text, "tensors") != NULL); /* the loop ended past the last tensor */
}

engine open_engine(int32_t isa, int32_t threads, int32_t precision, int features) {
  engine e = {NULL, NULL};
  spar_context_desc c = {sizeof c, threads, isa, NULL};
  OK(NULL, spar_context_open(&c, &e.context));
  spar_model_spec spec = tiny_spec(features);
  spar_model_desc desc = tiny_desc(precision);
  OK(e.context, spar_model_open(e.context, &spec, &desc, &e.model));
  fill_weights(e.context, e.model);
  OK(e.context, spar_model_prepare(e.model));
  return e;
}

void close_engine(engine* e) {
  OK(e->context, spar_model_close(e->model));
  OK(NULL, spar_context_close(e->context));
}

batch open_batch(engine* e, int32_t rows, int32_t segments, int train) {
  batch b = {NULL, {.size = sizeof b.a}, 0, 0};
  spar_batch_desc d = {sizeof d, rows, segments, rows, train};
  OK(e->context, spar_batch_open(e->model, &d, &b.handle));
  OK(e->context, spar_batch_pointers(b.handle, &b.a));
  return b;
}

static void add_row(batch* b, int32_t token, int32_t position, int32_t target) {
  uint64_t state = 5 + (uint64_t)target * 31 + (uint64_t)position;
  b->a.token[b->rows] = token;
  b->a.position[b->rows] = position;
  b->a.target[b->rows] = target;
  b->a.coef[b->rows] = random_between(&state, -1.0f, 1.0f);
  b->rows++;
}

static void add_segment(batch* b, int32_t rows, int32_t prefix) {
  spar_segment s = {b->rows, rows, prefix, 0};
  b->a.segment[b->segments++] = s;
}

void add_ids(batch* b, const int32_t* prompt, int32_t num_prompt, const int32_t* response, int32_t num_response) {
  int32_t prefix = -1;
  if (num_prompt > 1) {
    prefix = b->segments;
    add_segment(b, num_prompt - 1, -1);
    for (int32_t i = 0; i < num_prompt - 1; i++) add_row(b, prompt[i], i, -1);
  }
  add_segment(b, num_response, prefix);
  for (int32_t i = 0; i < num_response; i++)
    add_row(b, i == 0 ? prompt[num_prompt - 1] : response[i - 1], num_prompt - 1 + i, response[i]);
}

void add_group(batch* b, uint64_t seed, int32_t prompt, int32_t first_response, int32_t k, int32_t length) {
  uint64_t state = seed;
  int32_t prefix = prompt > 1 ? b->segments : -1;
  if (prompt > 1) add_segment(b, prompt - 1, -1);
  for (int32_t i = 0; i < prompt - 1; i++) add_row(b, (int32_t)(next_random(&state) % VOCAB), i, -1);
  int32_t last = (int32_t)(next_random(&state) % VOCAB);
  for (int32_t r = first_response; r < first_response + k; r++) {
    uint64_t own = seed * 1000 + (uint64_t)r;
    int32_t token = last;
    add_segment(b, length, prefix);
    for (int32_t i = 0; i < length; i++) {
      int32_t target = (int32_t)(next_random(&own) % VOCAB);
      add_row(b, token, prompt - 1 + i, target);
      token = target;
    }
  }
}

int32_t run_forward(batch* b, int entropy) {
  spar_forward_desc d = {sizeof d, b->rows, b->segments, entropy, 0};
  return spar_forward(b->handle, &d);
}
