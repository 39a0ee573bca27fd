/* Calls out of order, numbers that are not finite, cancelling. */
#include <math.h>
#include <pthread.h>

#include "tests/abi_test.h"

static spar_optimizer* open_adamw(engine* e) {
  spar_optimizer* optimizer = NULL;
  spar_optimizer_desc d = {sizeof d, SPAR_OPTIM_ADAMW, 0, 0.9, 0.999, 1e-8, 0.01};
  OK(e->context, spar_optimizer_open(e->model, &d, &optimizer));
  return optimizer;
}

static void check_unprepared(engine* e) {
  spar_model_spec spec = tiny_spec(0);
  spar_model_desc desc = tiny_desc(SPAR_FP32);
  engine raw = {e->context, NULL};
  OK(e->context, spar_model_open(e->context, &spec, &desc, &raw.model));
  batch b = open_batch(&raw, 8, 2, 0);
  add_group(&b, 1, 2, 0, 1, 3);
  REFUSED(e->context, run_forward(&b, 0), SPAR_E_STATE, "not prepared");
  spar_optimizer* optimizer = open_adamw(&raw);
  spar_step_desc step = {sizeof step, 0.1, 0};
  spar_step_result result = {.size = sizeof result};
  REFUSED(e->context, spar_optimizer_step(optimizer, &step, &result), SPAR_E_STATE, "not prepared");
  spar_sampler* sampler = NULL;
  spar_sampler_desc sd = {sizeof sd, 4, 0, 32};
  spar_progress progress = {.size = sizeof progress};
  OK(e->context, spar_sampler_open(raw.model, &sd, &sampler));
  REFUSED(e->context, spar_sampler_run(sampler, 1, &progress), SPAR_E_STATE, "not prepared");
  OK(e->context, spar_sampler_close(sampler));
  OK(e->context, spar_optimizer_close(optimizer));
  OK(e->context, spar_batch_close(b.handle));
  OK(e->context, spar_model_close(raw.model));
}

static void check_untrainable(engine* e) {
  spar_model_spec spec = tiny_spec(0);
  spar_model_desc desc = {sizeof desc, SPAR_FP32, 0};
  engine frozen = {e->context, NULL};
  OK(e->context, spar_model_open(e->context, &spec, &desc, &frozen.model));
  spar_tensor t = {.size = sizeof t};
  OK(e->context, spar_model_tensor(frozen.model, 0, &t));
  CHECK(t.grad == NULL);
  REFUSED(e->context, spar_model_zero_grad(frozen.model), SPAR_E_STATE, "no gradients");
  spar_batch* handle = NULL;
  spar_batch_desc bd = {sizeof bd, 8, 2, 8, 1};
  REFUSED(e->context, spar_batch_open(frozen.model, &bd, &handle), SPAR_E_INVALID, "trainable = 0");
  spar_optimizer* optimizer = NULL;
  spar_optimizer_desc od = {sizeof od, SPAR_OPTIM_ADAMW, 0, 0.9, 0.999, 1e-8, 0};
  REFUSED(e->context, spar_optimizer_open(frozen.model, &od, &optimizer), SPAR_E_STATE, "trainable = 0");
  OK(e->context, spar_model_close(frozen.model));
}

/* Sizes beyond any address space: a refusal that leaves the context in order. */
static void check_no_memory(engine* e) {
  spar_model_spec spec = tiny_spec(0);
  spar_model_desc desc = tiny_desc(SPAR_FP32);
  spar_model* model = NULL;
  spec.vocab_size = 1 << 24, spec.hidden_size = 1 << 20, spec.num_layers = 1 << 10, spec.intermediate_size = 1 << 20;
  REFUSED(e->context, spar_model_open(e->context, &spec, &desc, &model), SPAR_E_NOMEM, "bytes for weights");
  spar_sampler* sampler = NULL;
  spar_sampler_desc sd = {sizeof sd, 4, 0, (int64_t)1 << 40};
  REFUSED(e->context, spar_sampler_open(e->model, &sd, &sampler), SPAR_E_NOMEM, "bytes for a sampler");
  CHECK(model == NULL && sampler == NULL);
}

void test_states(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 1, SPAR_FP32, TIED);
  check_unprepared(&e);
  check_untrainable(&e);
  check_no_memory(&e);
  batch score = open_batch(&e, 24, 4, 0), train = open_batch(&e, 24, 4, 1);
  add_group(&score, 1, 3, 0, 1, 4);
  add_group(&train, 1, 3, 0, 1, 4);
  OK(e.context, run_forward(&score, 0));
  REFUSED(e.context, spar_backward(score.handle), SPAR_E_STATE, "train = 0");
  REFUSED(e.context, spar_backward(train.handle), SPAR_E_STATE, "no spar_forward");
  OK(e.context, run_forward(&train, 0));
  OK(e.context, spar_backward(train.handle));
  REFUSED(e.context, spar_backward(train.handle), SPAR_E_STATE, "no spar_forward");
  OK(e.context, run_forward(&train, 0));
  spar_optimizer* optimizer = open_adamw(&e);
  spar_step_desc step = {sizeof step, 1e-3, 1.0};
  spar_step_result result = {.size = sizeof result};
  OK(e.context, spar_optimizer_step(optimizer, &step, &result));
  REFUSED(e.context, spar_backward(train.handle), SPAR_E_STATE, "weights changed");
  OK(e.context, spar_optimizer_close(optimizer));
  OK(e.context, spar_batch_close(score.handle));
  OK(e.context, spar_batch_close(train.handle));
  close_engine(&e);
}

/* The index-th tensor. */
static spar_tensor tensor(engine* e, int32_t index) {
  spar_tensor t = {.size = sizeof t};
  OK(e->context, spar_model_tensor(e->model, index, &t));
  return t;
}

static void check_gradients(engine* e, batch* b) {
  spar_optimizer* optimizer = open_adamw(e);
  spar_step_desc step = {sizeof step, 1e-3, 1.0};
  spar_step_result result = {.size = sizeof result};
  spar_tensor t = tensor(e, 5);
  OK(e->context, spar_model_zero_grad(e->model));
  float before[4], bad[] = {NAN, INFINITY, -INFINITY};
  memcpy(before, t.data, sizeof before);
  for (int i = 0; i < 3; i++) {
    t.grad[2] = bad[i];
    REFUSED(e->context, spar_optimizer_step(optimizer, &step, &result), SPAR_E_NONFINITE,
            "gradient of model.layers.0.self_attn.o_proj.weight at index 2");
    CHECK(!isfinite(result.grad_norm) && result.step == 0);
  }
  t.grad[2] = 3e25f;
  step.max_grad_norm = 0;
  REFUSED(e->context, spar_optimizer_step(optimizer, &step, &result), SPAR_E_NONFINITE, "squares overflow");
  CHECK(t.grad[2] == 3e25f && memcmp(before, t.data, sizeof before) == 0);
  step.max_grad_norm = 1;
  OK(e->context, spar_optimizer_step(optimizer, &step, &result));
  CHECK(result.step == 1 && t.grad[2] == 0 && t.data[2] < before[2]);
  OK(e->context, run_forward(b, 0));
  OK(e->context, spar_optimizer_close(optimizer));
}

static void check_coefficients(engine* e, batch* b) {
  OK(e->context, run_forward(b, 0));
  float right = b->a.coef[4];
  b->a.coef[4] = NAN;
  REFUSED(e->context, spar_backward(b->handle), SPAR_E_NONFINITE, "coef of row 4 is nan");
  b->a.coef[4] = right;
  b->a.coef[0] = NAN; /* no target there: not read */
  OK(e->context, spar_backward(b->handle));
}

static void check_overflow(engine* e, batch* b) {
  spar_tensor t = {.size = sizeof t};
  for (int32_t i = 0; strcmp(t.name, "model.norm.weight") != 0; i++) t = tensor(e, i);
  float* saved = malloc((size_t)t.elements * 4);
  memcpy(saved, t.data, (size_t)t.elements * 4);
  for (int64_t i = 0; i < t.elements; i++) t.data[i] = 3e38f;
  OK(e->context, spar_model_prepare(e->model));
  float before = b->a.logp[2];
  REFUSED(e->context, run_forward(b, 0), SPAR_E_NONFINITE, "the log-prob of row 2 (target");
  CHECK(b->a.logp[2] == before);
  REFUSED(e->context, spar_backward(b->handle), SPAR_E_STATE, "no spar_forward");
  spar_sampler* sampler = NULL;
  spar_sampler_desc sd = {sizeof sd, 4, 0, 32};
  OK(e->context, spar_sampler_open(e->model, &sd, &sampler));
  const int32_t prompt[] = {1, 2};
  spar_request r = {.size = sizeof r,
                    .id = 9,
                    .prompt = prompt,
                    .num_prompt = 2,
                    .num_samples = 1,
                    .max_new_tokens = 3,
                    .temperature = 1,
                    .top_p = 1};
  OK(e->context, spar_sampler_add(sampler, &r));
  spar_progress p = {.size = sizeof p};
  REFUSED(e->context, spar_sampler_run(sampler, 4, &p), SPAR_E_NONFINITE, "token 0 of request 9, sample 0");
  OK(e->context, spar_sampler_close(sampler));
  memcpy(t.data, saved, (size_t)t.elements * 4);
  free(saved);
  OK(e->context, spar_model_prepare(e->model));
}

void test_nonfinite(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 2, SPAR_FP32, TIED);
  batch b = open_batch(&e, 24, 4, 1);
  add_group(&b, 1, 3, 0, 1, 4);
  spar_tensor t = tensor(&e, 2);
  float right = t.data[7];
  t.data[7] = -INFINITY;
  REFUSED(e.context, spar_model_prepare(e.model), SPAR_E_NONFINITE,
          "weight of model.layers.0.self_attn.q_proj.weight at index 7 is -inf");
  t.data[7] = right;
  OK(e.context, spar_model_prepare(e.model));
  check_coefficients(&e, &b);
  check_gradients(&e, &b);
  check_overflow(&e, &b);
  OK(e.context, run_forward(&b, 0));
  OK(e.context, spar_batch_close(b.handle));
  close_engine(&e);
}

typedef struct canceller {
  spar_context* context;
  pthread_mutex_t mutex;
  int done;
} canceller;

static void* keep_cancelling(void* argument) {
  canceller* c = argument;
  for (int done = 0; !done;) {
    spar_cancel(c->context);
    pthread_mutex_lock(&c->mutex);
    done = c->done;
    pthread_mutex_unlock(&c->mutex);
  }
  return NULL;
}

/* Another thread cancels again and again: sooner or later it meets a call in progress. */
static void check_cancelled(engine* e, int32_t (*call)(void*), void* argument) {
  canceller c = {.context = e->context, .mutex = PTHREAD_MUTEX_INITIALIZER, .done = 0};
  pthread_t thread;
  pthread_create(&thread, NULL, keep_cancelling, &c);
  int32_t status = SPAR_OK;
  for (int i = 0; i < 20000 && status == SPAR_OK; i++) status = call(argument);
  pthread_mutex_lock(&c.mutex);
  c.done = 1;
  pthread_mutex_unlock(&c.mutex);
  pthread_join(thread, NULL);
  REFUSED(e->context, status, SPAR_E_CANCELLED, "cancelled before ");
}

static int32_t forward_once(void* argument) { return run_forward(argument, 0); }

static int32_t sample_all(void* argument) {
  spar_progress p = {.size = sizeof p};
  return spar_sampler_run(argument, 1 << 20, &p);
}

void test_cancel(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 2, SPAR_FP32, TIED);
  batch b = open_batch(&e, 60, 4, 1);
  add_group(&b, 1, 20, 0, 2, 20);
  check_cancelled(&e, forward_once, &b);
  REFUSED(e.context, spar_backward(b.handle), SPAR_E_STATE, "no spar_forward");
  spar_cancel(e.context); /* no call is in progress: no effect on the next one */
  OK(e.context, run_forward(&b, 0));

  spar_sampler* sampler = NULL;
  spar_sampler_desc sd = {sizeof sd, 8, 0, 64};
  OK(e.context, spar_sampler_open(e.model, &sd, &sampler));
  const int32_t prompt[] = {1, 2, 3};
  spar_request r = {.size = sizeof r,
                    .prompt = prompt,
                    .num_prompt = 3,
                    .num_samples = 20000,
                    .max_new_tokens = 20,
                    .temperature = 1,
                    .top_p = 1};
  OK(e.context, spar_sampler_add(sampler, &r));
  check_cancelled(&e, sample_all, sampler);
  OK(e.context, spar_sampler_close(sampler));
  OK(e.context, spar_batch_close(b.handle));
  close_engine(&e);
}
