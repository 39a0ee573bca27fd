/* Forward, backward and steps: the promises about bits, and that training learns. */
#include <math.h>

#include "tests/abi_test.h"

enum { ROWS = 64 };

/* Everything that a training step leaves: results, gradients, weights. */
typedef struct outcome {
  float logp[ROWS], entropy[ROWS];
  float* grads;
  float* weights;
  int64_t parameters;
  double grad_norm;
} outcome;

static void fill_batch(batch* b) {
  add_group(b, 11, 5, 0, 3, 6);
  add_group(b, 12, 1, 0, 1, 4);
  add_group(b, 13, 9, 0, 2, 3);
}

static float* copy_flat(engine* e, int grads, int64_t* count) {
  spar_tensor t = {.size = sizeof t};
  int64_t end = 0;
  float* base = NULL;
  for (int32_t i = 0; spar_model_tensor(e->model, i, &t) == SPAR_OK; i++) {
    if (t.offset + t.elements > end) end = t.offset + t.elements;
    base = (grads ? t.grad : t.data) - t.offset;
  }
  float* copy = malloc((size_t)end * 4);
  memcpy(copy, base, (size_t)end * 4);
  *count = end;
  return copy;
}

static void forward_backward_step(engine* e, batch* b, int32_t kind, outcome* o) {
  spar_optimizer* optimizer = NULL;
  spar_optimizer_desc d = {sizeof d, kind, 0, 0.9, 0.99, 1e-8, 0.05};
  spar_step_desc step = {sizeof step, 1e-2, 0.5};
  spar_step_result result = {.size = sizeof result};
  OK(e->context, spar_optimizer_open(e->model, &d, &optimizer));
  OK(e->context, run_forward(b, 1));
  memcpy(o->logp, b->a.logp, (size_t)b->rows * 4);
  memcpy(o->entropy, b->a.entropy, (size_t)b->rows * 4);
  OK(e->context, spar_backward(b->handle));
  o->grads = copy_flat(e, 1, &o->parameters);
  OK(e->context, spar_optimizer_step(optimizer, &step, &result));
  o->grad_norm = result.grad_norm;
  o->weights = copy_flat(e, 0, &o->parameters);
  OK(e->context, spar_optimizer_close(optimizer));
}

static outcome train_once(int32_t isa, int32_t threads, int32_t precision, int features) {
  outcome o;
  memset(&o, 0, sizeof o);
  engine e = open_engine(isa, threads, precision, features);
  batch b = open_batch(&e, ROWS, 12, 1);
  fill_batch(&b);
  forward_backward_step(&e, &b, (features & BIAS) != 0 ? SPAR_OPTIM_RMSPROP : SPAR_OPTIM_ADAMW, &o);
  OK(e.context, spar_batch_close(b.handle));
  close_engine(&e);
  return o;
}

static void free_outcome(outcome* o) {
  free(o->grads);
  free(o->weights);
}

static void same_outcome(const outcome* a, const outcome* b) {
  CHECK(memcmp(a->logp, b->logp, sizeof a->logp) == 0);
  CHECK(memcmp(a->entropy, b->entropy, sizeof a->entropy) == 0);
  CHECK(memcmp(a->grads, b->grads, (size_t)a->parameters * 4) == 0);
  CHECK(memcmp(a->weights, b->weights, (size_t)a->parameters * 4) == 0);
  CHECK(a->grad_norm == b->grad_norm && a->grad_norm > 0);
}

static int32_t isa_mask(void) {
  spar_info info = {.size = sizeof info};
  spar_library_info(&info);
  return info.isa_mask;
}

/* Families agree on results to rounding. In bf16 precision an activation whose last fp32 bit differs may
 * round to the neighbouring bf16 number, 2^-8 away, so that the whole agrees to a fraction of that only. */
static float family_tolerance(int32_t precision) { return precision == SPAR_BF16 ? 1e-2f : 2e-5f; }

static void close_outcome(const outcome* a, const outcome* b, float tolerance) {
  for (int i = 0; i < ROWS; i++) CHECK(fabsf(a->logp[i] - b->logp[i]) <= tolerance);
  for (int i = 0; i < ROWS; i++) CHECK(fabsf(a->entropy[i] - b->entropy[i]) <= tolerance);
  double difference = 0, size = 0;
  for (int64_t i = 0; i < a->parameters; i++) {
    difference += pow((double)a->grads[i] - b->grads[i], 2);
    size += pow(a->grads[i], 2);
  }
  CHECK(sqrt(difference) <= tolerance * sqrt(size));
}

void test_threads(void) {
  const int cases[] = {0, TIED, TIED | BIAS, QK_NORM, WINDOW, TIED | BIAS | QK_NORM | WINDOW};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int32_t precision = SPAR_FP32; precision <= SPAR_BF16; precision++) {
      outcome truth = train_once(SPAR_ISA_REF, 1, precision, cases[i]);
      for (int32_t isa = SPAR_ISA_REF; isa <= SPAR_ISA_AMX; isa++) {
        if ((isa_mask() >> isa & 1) == 0) continue;
        outcome one = train_once(isa, 1, precision, cases[i]);
        close_outcome(&truth, &one, family_tolerance(precision));
        const int32_t threads[] = {2, 3, 7};
        for (int n = 0; n < 3; n++) {
          outcome more = train_once(isa, threads[n], precision, cases[i]);
          same_outcome(&one, &more);
          free_outcome(&more);
        }
        free_outcome(&one);
      }
      free_outcome(&truth);
    }
}

static void check_groups(engine* e) {
  batch together = open_batch(e, ROWS, 12, 1), alone = open_batch(e, 16, 2, 0);
  add_group(&together, 21, 6, 0, 4, 7);
  OK(e->context, run_forward(&together, 1));
  float first[ROWS];
  memcpy(first, together.a.logp, sizeof first);
  for (int32_t r = 0; r < 4; r++) {
    alone.rows = alone.segments = 0;
    add_group(&alone, 21, 6, r, 1, 7);
    OK(e->context, run_forward(&alone, 1));
    CHECK(memcmp(alone.a.logp + 5, together.a.logp + 5 + 7 * r, 7 * sizeof(float)) == 0);
    CHECK(memcmp(alone.a.entropy + 5, together.a.entropy + 5 + 7 * r, 7 * sizeof(float)) == 0);
  }
  for (int i = 0; i < 2; i++) { /* the same batch again, and after another batch */
    OK(e->context, run_forward(&together, 0));
    CHECK(memcmp(first, together.a.logp, sizeof first) == 0);
  }
  OK(e->context, spar_batch_close(together.handle));
  OK(e->context, spar_batch_close(alone.handle));
}

/* Where a chain's segments lie among the rows does not matter. */
static void check_order(engine* e) {
  const int32_t ids[] = {3, 1, 4, 1, 5, 9, 2, 6};
  batch a = open_batch(e, 8, 3, 0), b = open_batch(e, 8, 3, 0);
  const spar_segment in_order[] = {{0, 3, -1, 0}, {3, 2, 0, 0}, {5, 3, 1, 0}};
  const spar_segment moved[] = {{5, 3, -1, 0}, {0, 2, 0, 0}, {2, 3, 1, 0}};
  memcpy(a.a.segment, in_order, sizeof in_order);
  memcpy(b.a.segment, moved, sizeof moved);
  for (int32_t i = 0; i < 8; i++) {
    int32_t to = i < 3 ? i + 5 : i - 3;
    a.a.token[i] = b.a.token[to] = ids[i];
    a.a.position[i] = b.a.position[to] = i;
    a.a.target[i] = b.a.target[to] = (i * 7) % VOCAB;
  }
  a.rows = b.rows = 8;
  a.segments = b.segments = 3;
  OK(e->context, run_forward(&a, 0));
  OK(e->context, run_forward(&b, 0));
  for (int32_t i = 0; i < 8; i++) CHECK(a.a.logp[i] == b.a.logp[i < 3 ? i + 5 : i - 3] && a.a.logp[i] < 0);
  OK(e->context, spar_batch_close(a.handle));
  OK(e->context, spar_batch_close(b.handle));
}

void test_prefix_groups(void) {
  const int cases[] = {TIED, BIAS | QK_NORM, WINDOW};
  for (int32_t isa = SPAR_ISA_REF; isa <= SPAR_ISA_AMX; isa++)
    for (int i = 0; (isa_mask() >> isa & 1) != 0 && i < 3; i++)
      for (int32_t precision = SPAR_FP32; precision <= SPAR_BF16; precision++) {
        engine e = open_engine(isa, 2, precision, cases[i]);
        check_groups(&e);
        check_order(&e);
        close_engine(&e);
      }
}

/* The first step from closed forms: decay on matrices only, clipping, the norm, cleared gradients. */
static double first_step(int32_t kind, double p, double g, double decay) {
  const double lr = 1e-2, eps = 1e-8, beta2 = 0.99;
  if (kind == SPAR_OPTIM_ADAMW) return p - lr * decay * p - lr * g / (fabs(g) + eps);
  g += decay * p;
  return p - lr * g / (sqrt((1 - beta2) * g * g) + eps);
}

static void check_step(int32_t kind) {
  engine e = open_engine(SPAR_ISA_AUTO, 2, SPAR_FP32, BIAS | QK_NORM);
  batch b = open_batch(&e, ROWS, 12, 1);
  fill_batch(&b);
  int64_t count = 0;
  float* before = copy_flat(&e, 0, &count);
  outcome o;
  forward_backward_step(&e, &b, kind, &o);
  double squares = 0;
  for (int64_t i = 0; i < count; i++) squares += (double)o.grads[i] * o.grads[i];
  CHECK(fabs(o.grad_norm - sqrt(squares)) <= 1e-9 * o.grad_norm && o.grad_norm > 0.5);
  const double scale = 0.5 / (o.grad_norm + 1e-6);
  spar_tensor t = {.size = sizeof t};
  for (int32_t i = 0; spar_model_tensor(e.model, i, &t) == SPAR_OK; i++) {
    double worst = 0;
    CHECK(t.decay == (strstr(t.name, "norm") == NULL && strstr(t.name, "bias") == NULL));
    for (int64_t k = t.offset; k < t.offset + t.elements; k++) {
      double want = first_step(kind, before[k], scale * o.grads[k], t.decay ? 0.05 : 0);
      if (fabs(o.grads[k]) > 1e-4) worst = fmax(worst, fabs(want - o.weights[k]));
      CHECK(t.grad[k - t.offset] == 0);
    }
    CHECK(worst < 1e-6);
  }
  free(before);
  free_outcome(&o);
  OK(e.context, spar_batch_close(b.handle));
  close_engine(&e);
}

static float total(const batch* b) {
  float sum = 0;
  for (int32_t m = 0; m < b->rows; m++) sum += b->a.logp[m];
  return sum;
}

/* Gradients of two backward passes add up, and zero_grad clears them. */
static void check_accumulation(engine* e, batch* b) {
  int64_t count = 0;
  OK(e->context, spar_model_zero_grad(e->model));
  OK(e->context, run_forward(b, 0));
  OK(e->context, spar_backward(b->handle));
  float* once = copy_flat(e, 1, &count);
  OK(e->context, run_forward(b, 0));
  OK(e->context, spar_backward(b->handle));
  float* twice = copy_flat(e, 1, &count);
  double difference = 0, size = 0;
  for (int64_t i = 0; i < count; i++) {
    difference += pow(2.0 * once[i] - twice[i], 2);
    size += pow(twice[i], 2);
  }
  CHECK(size > 0 && sqrt(difference) <= 1e-6 * sqrt(size));
  OK(e->context, spar_model_zero_grad(e->model));
  free(once);
  once = copy_flat(e, 1, &count);
  for (int64_t i = 0; i < count; i++) CHECK(once[i] == 0);
  free(once);
  free(twice);
}

static void check_no_targets(engine* e, batch* b) {
  for (int32_t m = 0; m < b->rows; m++) b->a.target[m] = -1;
  b->a.logp[1] = 5;
  OK(e->context, run_forward(b, 1));
  CHECK(b->a.logp[1] == 0 && b->a.entropy[1] == 0);
  OK(e->context, spar_backward(b->handle));
}

void test_learning(void) {
  for (int32_t kind = SPAR_OPTIM_ADAMW; kind <= SPAR_OPTIM_RMSPROP; kind++) {
    check_step(kind);
    engine e = open_engine(SPAR_ISA_AUTO, 2, SPAR_BF16, TIED);
    batch b = open_batch(&e, ROWS, 12, 1);
    fill_batch(&b);
    for (int32_t m = 0; m < b.rows; m++) b.a.coef[m] = -1; /* loss: minus the log-likelihood */
    check_accumulation(&e, &b);
    spar_optimizer* optimizer = NULL;
    spar_optimizer_desc d = {sizeof d, kind, 0, 0.9, 0.99, 1e-8, 0};
    OK(e.context, spar_optimizer_open(e.model, &d, &optimizer));
    float first = 0;
    for (int i = 0; i < 40; i++) {
      spar_step_desc step = {sizeof step, 1e-2, 1.0};
      spar_step_result result = {.size = sizeof result};
      OK(e.context, run_forward(&b, 0));
      if (i == 0) first = total(&b);
      OK(e.context, spar_backward(b.handle));
      OK(e.context, spar_optimizer_step(optimizer, &step, &result));
      CHECK(result.step == i + 1 && isfinite(result.grad_norm));
    }
    CHECK(total(&b) > first / 4);
    check_no_targets(&e, &b);
    OK(e.context, spar_optimizer_close(optimizer));
    OK(e.context, spar_batch_close(b.handle));
    close_engine(&e);
  }
}
