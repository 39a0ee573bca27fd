/* Wrong arguments of every entry point: a status, a text that names field and value, no change. */
#include "tests/abi_test.h"

typedef struct field_case {
  size_t offset;
  int32_t value;
  const char* text;
} field_case;

#define FIELD(type, name, value, text) \
  { offsetof(type, name), value, text }

#define PLANNED(isa, kind) (&(spar_plan_desc){sizeof(spar_plan_desc), isa, kind})

static void set_field(void* record, const field_case* c) { memcpy((char*)record + c->offset, &c->value, 4); }

static void check_spec(spar_context* context) {
  static const field_case cases[] = {
      FIELD(spar_model_spec, vocab_size, 0, "vocab_size is 0"),
      FIELD(spar_model_spec, hidden_size, -4, "hidden_size is -4"),
      FIELD(spar_model_spec, num_layers, 0, "num_layers is 0"),
      FIELD(spar_model_spec, num_heads, 3, "num_heads is 3, not a multiple of num_kv_heads 2"),
      FIELD(spar_model_spec, num_kv_heads, 0, "num_kv_heads is 0"),
      FIELD(spar_model_spec, head_dim, 5, "head_dim is 5"),
      FIELD(spar_model_spec, intermediate_size, 0, "intermediate_size is 0"),
      FIELD(spar_model_spec, max_positions, 0, "max_positions is 0"),
      FIELD(spar_model_spec, tie_embeddings, 2, "tie_embeddings is 2"),
      FIELD(spar_model_spec, qkv_bias, -1, "qkv_bias is -1"),
      FIELD(spar_model_spec, qk_norm, 3, "qk_norm is 3"),
      FIELD(spar_model_spec, sliding_window, -1, "sliding_window is -1"),
      FIELD(spar_model_spec, window_first_layer, 9, "window_first_layer is 9"),
  };
  spar_model* model = NULL;
  spar_model_desc d = tiny_desc(SPAR_FP32);
  spar_plan plan = {.size = sizeof plan};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    spar_model_spec s = tiny_spec(0);
    set_field(&s, &cases[i]);
    REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, cases[i].text);
    CHECK(spar_plan_bytes(PLANNED(SPAR_ISA_AUTO, -1), &s, &d, NULL, NULL, &plan) == SPAR_E_INVALID);
  }
  spar_model_spec s = tiny_spec(0);
  s.norm_eps = 0;
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "norm_eps is 0");
  s = tiny_spec(0);
  s.rope_scale = -1;
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "rope_scale is -1");
  s = tiny_spec(0);
  s.rope_inv_freq = NULL;
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "rope_inv_freq is NULL");
  const double bad[HEAD_DIM / 2] = {1, -2, 1};
  s.rope_inv_freq = bad;
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "rope_inv_freq[1] is -2");
  CHECK(model == NULL);
}

static void check_model_open(spar_context* context) {
  spar_model* model = NULL;
  spar_model_spec s = tiny_spec(0);
  spar_model_desc d = tiny_desc(SPAR_FP32);
  s.size = 4;
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "spar_model_spec: size is 4");
  s = tiny_spec(0);
  REFUSED(context, spar_model_open(context, NULL, &d, &model), SPAR_E_INVALID, "spar_model_spec is NULL");
  REFUSED(context, spar_model_open(context, &s, NULL, &model), SPAR_E_INVALID, "spar_model_desc is NULL");
  REFUSED(context, spar_model_open(context, &s, &d, NULL), SPAR_E_INVALID, "out is NULL");
  d.size = 1;
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "spar_model_desc: size is 1");
  d = tiny_desc(2);
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "precision is 2");
  d = tiny_desc(SPAR_FP32);
  d.trainable = 5;
  REFUSED(context, spar_model_open(context, &s, &d, &model), SPAR_E_INVALID, "trainable is 5");
  CHECK(model == NULL && spar_model_open(NULL, &s, &d, &model) == SPAR_E_INVALID);
}

static void check_null_handles(void) {
  CHECK(spar_cancel(NULL) == SPAR_E_INVALID && spar_profile_start(NULL, 1) == SPAR_E_INVALID);
  CHECK(spar_profile_read(NULL, NULL, 0, NULL) == SPAR_E_INVALID && spar_probe_run(NULL, 1, NULL) == SPAR_E_INVALID);
  CHECK(spar_model_close(NULL) == SPAR_E_INVALID && spar_model_tensor(NULL, 0, NULL) == SPAR_E_INVALID);
  CHECK(spar_model_prepare(NULL) == SPAR_E_INVALID && spar_model_zero_grad(NULL) == SPAR_E_INVALID);
  CHECK(spar_batch_open(NULL, NULL, NULL) == SPAR_E_INVALID && spar_batch_close(NULL) == SPAR_E_INVALID);
  CHECK(spar_batch_pointers(NULL, NULL) == SPAR_E_INVALID && spar_forward(NULL, NULL) == SPAR_E_INVALID);
  CHECK(spar_backward(NULL) == SPAR_E_INVALID && spar_optimizer_open(NULL, NULL, NULL) == SPAR_E_INVALID);
  CHECK(spar_optimizer_close(NULL) == SPAR_E_INVALID && spar_optimizer_step(NULL, NULL, NULL) == SPAR_E_INVALID);
  CHECK(spar_optimizer_pointers(NULL, NULL) == SPAR_E_INVALID && spar_optimizer_resume(NULL, 0) == SPAR_E_INVALID);
  CHECK(spar_sampler_open(NULL, NULL, NULL) == SPAR_E_INVALID && spar_sampler_close(NULL) == SPAR_E_INVALID);
  CHECK(spar_sampler_add(NULL, NULL) == SPAR_E_INVALID && spar_sampler_run(NULL, 1, NULL) == SPAR_E_INVALID);
  CHECK(spar_sampler_take(NULL, NULL) == SPAR_E_INVALID && spar_sampler_peek(NULL, 0, NULL) == SPAR_E_INVALID);
  CHECK(spar_sampler_stop(NULL, 0, 0, 0) == SPAR_E_INVALID);
  CHECK(spar_batch_program(NULL, 0, NULL, 0, NULL) == SPAR_E_INVALID);
  CHECK(spar_plan_bytes(NULL, NULL, NULL, NULL, NULL, NULL) == SPAR_E_INVALID);
}

static void check_tensor(engine* e) {
  spar_tensor t = {.size = 8, .ndim = 77};
  REFUSED(e->context, spar_model_tensor(e->model, 0, &t), SPAR_E_INVALID, "spar_tensor: size is 8");
  t.size = sizeof t;
  REFUSED(e->context, spar_model_tensor(e->model, -1, &t), SPAR_E_INVALID, "index is -1");
  REFUSED(e->context, spar_model_tensor(e->model, 1000, &t), SPAR_E_INVALID, "index is 1000");
  CHECK(t.ndim == 77);
  OK(e->context, spar_model_tensor(e->model, 0, &t));
  CHECK(strcmp(t.name, "model.embed_tokens.weight") == 0 && t.shape[0] == VOCAB && t.shape[1] == HIDDEN);
  CHECK(t.decay == 1 && t.ndim == 2 && (uintptr_t)t.data % 64 == 0 && (uintptr_t)t.grad % 64 == 0);
}

static void check_optimizer(engine* e) {
  spar_optimizer* optimizer = NULL;
  spar_optimizer_desc good = {sizeof good, SPAR_OPTIM_ADAMW, 0, 0.9, 0.999, 1e-8, 0}, d = good;
  d.size = 3;
  REFUSED(e->context, spar_optimizer_open(e->model, &d, &optimizer), SPAR_E_INVALID, "size is 3");
  d = good, d.kind = 9;
  REFUSED(e->context, spar_optimizer_open(e->model, &d, &optimizer), SPAR_E_INVALID, "kind is 9");
  d = good, d.beta1 = 1;
  REFUSED(e->context, spar_optimizer_open(e->model, &d, &optimizer), SPAR_E_INVALID, "beta1 is 1");
  d = good, d.beta2 = -0.5;
  REFUSED(e->context, spar_optimizer_open(e->model, &d, &optimizer), SPAR_E_INVALID, "beta2 is -0.5");
  d = good, d.eps = 0;
  REFUSED(e->context, spar_optimizer_open(e->model, &d, &optimizer), SPAR_E_INVALID, "eps is 0");
  d = good, d.weight_decay = -1;
  REFUSED(e->context, spar_optimizer_open(e->model, &d, &optimizer), SPAR_E_INVALID, "weight_decay is -1");
  d = good, d.reserved = 1;
  REFUSED(e->context, spar_optimizer_open(e->model, &d, &optimizer), SPAR_E_INVALID, "reserved is 1");
  REFUSED(e->context, spar_optimizer_open(e->model, &good, NULL), SPAR_E_INVALID, "out is NULL");
  OK(e->context, spar_optimizer_open(e->model, &good, &optimizer));

  spar_step_desc step = {sizeof step, -1, 0};
  spar_step_result result = {.size = sizeof result};
  REFUSED(e->context, spar_optimizer_step(optimizer, &step, &result), SPAR_E_INVALID, "learning_rate is -1");
  step.learning_rate = 0.1, step.max_grad_norm = -2;
  REFUSED(e->context, spar_optimizer_step(optimizer, &step, &result), SPAR_E_INVALID, "max_grad_norm is -2");
  step.size = 0;
  REFUSED(e->context, spar_optimizer_step(optimizer, &step, &result), SPAR_E_INVALID, "spar_step_desc: size is 0");
  REFUSED(e->context, spar_optimizer_resume(optimizer, -1), SPAR_E_INVALID, "step is -1");
  spar_optimizer_state state = {.size = 1};
  REFUSED(e->context, spar_optimizer_pointers(optimizer, &state), SPAR_E_INVALID, "size is 1");
  state.size = sizeof state;
  OK(e->context, spar_optimizer_resume(optimizer, 12));
  OK(e->context, spar_optimizer_pointers(optimizer, &state));
  CHECK(state.step == 12 && state.first != NULL && state.second != NULL && state.elements % 16 == 0);
  OK(e->context, spar_optimizer_close(optimizer));
}

static void check_plan(void) {
  spar_model_spec s = tiny_spec(TIED);
  spar_model_desc d = tiny_desc(SPAR_BF16);
  spar_batch_desc b = {sizeof b, 16, 4, 16, 1};
  spar_sampler_desc sm = {sizeof sm, 4, 0, 64};
  spar_plan plan = {.size = sizeof plan};
  CHECK(spar_plan_bytes(PLANNED(SPAR_ISA_AUTO, SPAR_OPTIM_ADAMW), &s, &d, &b, &sm, &plan) == SPAR_OK);
  CHECK(plan.weight_bytes == 4 * plan.parameters && plan.gradient_bytes == plan.weight_bytes);
  CHECK(plan.optimizer_bytes == 2 * plan.weight_bytes && plan.batch_bytes > 0 && plan.sampler_bytes > 0);
  CHECK(spar_plan_bytes(PLANNED(99, SPAR_OPTIM_ADAMW), &s, &d, &b, &sm, &plan) == SPAR_E_INVALID);
  CHECK(spar_plan_bytes(PLANNED(SPAR_ISA_AUTO, 4), &s, &d, &b, &sm, &plan) == SPAR_E_INVALID);
  b.max_rows = 0;
  CHECK(spar_plan_bytes(PLANNED(SPAR_ISA_AUTO, -1), &s, &d, &b, &sm, &plan) == SPAR_E_INVALID);
  d.trainable = 0;
  CHECK(spar_plan_bytes(PLANNED(SPAR_ISA_AUTO, SPAR_OPTIM_ADAMW), &s, &d, NULL, NULL, &plan) == SPAR_E_STATE);
  CHECK(spar_plan_bytes(PLANNED(SPAR_ISA_AUTO, -1), &s, &d, NULL, NULL, &plan) == SPAR_OK);
  CHECK(plan.gradient_bytes == 0 && plan.optimizer_bytes == 0 && plan.batch_bytes == 0 && plan.sampler_bytes == 0);
}

void test_inputs(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 1, SPAR_FP32, TIED);
  check_null_handles();
  check_spec(e.context);
  check_model_open(e.context);
  check_tensor(&e);
  check_optimizer(&e);
  check_plan();
  close_engine(&e);
}

static void check_batch_desc(engine* e) {
  static const field_case cases[] = {
      FIELD(spar_batch_desc, max_rows, 0, "max_rows is 0"),
      FIELD(spar_batch_desc, max_segments, 99, "max_segments is 99"),
      FIELD(spar_batch_desc, max_targets, 0, "max_targets is 0"),
      FIELD(spar_batch_desc, train, 2, "train is 2"),
  };
  spar_batch* handle = NULL;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    spar_batch_desc d = {sizeof d, 16, 4, 8, 1};
    set_field(&d, &cases[i]);
    REFUSED(e->context, spar_batch_open(e->model, &d, &handle), SPAR_E_INVALID, cases[i].text);
  }
  spar_batch_desc d = {1, 16, 4, 8, 1};
  REFUSED(e->context, spar_batch_open(e->model, &d, &handle), SPAR_E_INVALID, "spar_batch_desc: size is 1");
  d.size = sizeof d;
  REFUSED(e->context, spar_batch_open(e->model, &d, NULL), SPAR_E_INVALID, "out is NULL");
  CHECK(handle == NULL);
}

/* Puts a wrong number somewhere, wants the refusal, and puts the right one back. */
static void spoil(engine* e, batch* b, int32_t* where, int32_t value, const char* text) {
  int32_t right = *where;
  *where = value;
  REFUSED(e->context, run_forward(b, 0), SPAR_E_INVALID, text);
  *where = right;
}

static void check_rows(engine* e, batch* b) {
  spoil(e, b, &b->a.token[3], VOCAB, "row 3: token 53 is not in the vocabulary of 53");
  spoil(e, b, &b->a.token[0], -1, "row 0: token -1");
  spoil(e, b, &b->a.target[4], VOCAB, "row 4: target 53");
  spoil(e, b, &b->a.target[4], -2, "row 4: target -2");
  spoil(e, b, &b->a.position[2], POSITIONS, "row 2: position 64 is not below max_positions 64");
  spoil(e, b, &b->a.position[2], 1, "row 2 of segment 0: position 1 should be 2");
  spoil(e, b, &b->a.position[3], 4, "row 3 of segment 1: position 4 should be 3");
  spoil(e, b, &b->rows, 0, "num_rows is 0");
  spoil(e, b, &b->rows, 25, "num_rows is 25");
  spoil(e, b, &b->rows, b->rows - 1, "segment 2: first_row 8, num_rows 5 do not lie in the 12 rows");
  spoil(e, b, &b->segments, 0, "num_segments is 0");
  spoil(e, b, &b->segments, 9, "num_segments is 9");
  spoil(e, b, &b->segments, 2, "row 8 belongs to no segment");
}

static void check_segments(engine* e, batch* b) {
  spar_segment* s = b->a.segment;
  spoil(e, b, &s[1].prefix, 1, "segment 1: prefix 1 is neither -1 nor an earlier segment");
  spoil(e, b, &s[1].prefix, -2, "segment 1: prefix -2");
  spoil(e, b, &s[2].first_row, 7, "segment 2: row 7 already belongs");
  spoil(e, b, &s[2].first_row, -1, "segment 2: first_row -1");
  spoil(e, b, &s[2].first_row, INT32_MAX, "segment 2: first_row 2147483647");
  spoil(e, b, &s[2].num_rows, 0, "segment 2: first_row 8, num_rows 0");
  spoil(e, b, &s[2].num_rows, INT32_MAX, "num_rows 2147483647");
  spoil(e, b, &s[0].reserved, 1, "segment 0: reserved is 1");
}

static void check_long_chain(engine* e) {
  batch b = open_batch(e, 10, 10, 0);
  for (int32_t i = 0; i < 10; i++) {
    b.a.token[i] = i, b.a.position[i] = i, b.a.target[i] = 1;
    spar_segment s = {i, 1, i - 1, 0};
    b.a.segment[i] = s;
  }
  b.rows = b.segments = 10;
  REFUSED(e->context, run_forward(&b, 0), SPAR_E_INVALID, "segment 9: its chain has 9 prefixes; at most 8");
  b.rows = b.segments = 9;
  OK(e->context, run_forward(&b, 0));
  OK(e->context, spar_batch_close(b.handle));
}

void test_batch_inputs(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 1, SPAR_FP32, TIED);
  check_batch_desc(&e);
  batch b = open_batch(&e, 24, 8, 1);
  add_group(&b, 3, 4, 0, 2, 5);
  b.a.logp[0] = 42; /* a refused call writes nothing */
  check_rows(&e, &b);
  check_segments(&e, &b);
  spar_forward_desc f = {sizeof f, b.rows, b.segments, 2, 0};
  REFUSED(e.context, spar_forward(b.handle, &f), SPAR_E_INVALID, "want_entropy is 2");
  f.want_entropy = 0, f.reserved = 1;
  REFUSED(e.context, spar_forward(b.handle, &f), SPAR_E_INVALID, "reserved is 1");
  f.size = 2;
  REFUSED(e.context, spar_forward(b.handle, &f), SPAR_E_INVALID, "spar_forward_desc: size is 2");
  spar_batch_arrays a = {.size = 2};
  REFUSED(e.context, spar_batch_pointers(b.handle, &a), SPAR_E_INVALID, "spar_batch_arrays: size is 2");
  CHECK(b.a.logp[0] == 42);
  OK(e.context, run_forward(&b, 0));
  CHECK(b.a.logp[0] == 0 && b.a.logp[3] < 0);
  OK(e.context, spar_batch_close(b.handle));

  spar_batch_desc few = {sizeof few, 24, 8, 3, 0};
  OK(e.context, spar_batch_open(e.model, &few, &b.handle));
  OK(e.context, spar_batch_pointers(b.handle, &b.a));
  b.rows = b.segments = 0;
  add_group(&b, 3, 4, 0, 2, 5);
  REFUSED(e.context, run_forward(&b, 0), SPAR_E_INVALID, "10 rows have a target; max_targets is 3");
  OK(e.context, spar_batch_close(b.handle));
  check_long_chain(&e);
  close_engine(&e);
}
