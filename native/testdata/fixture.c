/* A toy engine behind the real header, for testing the Go binding: every function of spar.h with
 * arithmetic simple enough to predict by hand. Build it with
 *   -DFIXTURE_ABI=2     another ABI number
 *   -DFIXTURE_GROW=1    another size of spar_plan
 *   -DFIXTURE_LACKS=1   without spar_plan_bytes
 *   -DFIXTURE_TAG=n     other bytes, same behaviour
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../include/spar.h"

#ifndef FIXTURE_ABI
#define FIXTURE_ABI SPAR_ABI_VERSION
#endif
#ifndef FIXTURE_GROW
#define FIXTURE_GROW 0
#endif
#ifndef FIXTURE_TAG
#define FIXTURE_TAG 0
#endif
SPAR_API int fixture_tag = FIXTURE_TAG;

struct spar_context {
  char text[256];
  char* breadcrumb;
  volatile int cancel;
  int busy, children;
};
struct spar_model {
  spar_context* context;
  float *data, *grad;
  int64_t elements;
  int ready, children;
};
struct spar_batch {
  spar_model* model;
  spar_batch_desc desc;
  spar_batch_arrays arrays;
  int forwarded;
};
struct spar_optimizer {
  spar_model* model;
  float* first;
  int64_t step;
};
struct spar_sampler {
  spar_model* model;
  int64_t id;
  int32_t start, samples, next, length;
  int32_t token[64];
  float logp[64];
};

static int32_t fail(spar_context* c, int32_t code, const char* text) {
  snprintf(c->text, sizeof c->text, "%s", text);
  return code;
}

/* Two threads inside one context at once is what the binding must never let happen. */
static int32_t enter(spar_context* c) {
  if (__atomic_exchange_n(&c->busy, 1, __ATOMIC_SEQ_CST)) return fail(c, SPAR_E_INTERNAL, "two threads in one context");
  for (volatile int i = 0; i < 200; i++) {
  }
  return SPAR_OK;
}
static int32_t leave(spar_context* c, int32_t code) {
  __atomic_store_n(&c->busy, 0, __ATOMIC_SEQ_CST);
  return code;
}

int32_t spar_library_info(spar_info* out) {
  static const int64_t sizes[] = {
      sizeof(spar_info),         sizeof(spar_context_desc), sizeof(spar_op_profile),
      sizeof(spar_probe),        sizeof(spar_model_spec),   sizeof(spar_model_desc),
      sizeof(spar_tensor),       sizeof(spar_segment),      sizeof(spar_batch_desc),
      sizeof(spar_batch_arrays), sizeof(spar_forward_desc), sizeof(spar_optimizer_desc),
      sizeof(spar_step_desc),    sizeof(spar_step_result),  sizeof(spar_optimizer_state),
      sizeof(spar_sampler_desc), sizeof(spar_request),      sizeof(spar_progress),
      sizeof(spar_completion),   sizeof(spar_plan_desc),    sizeof(spar_plan) + 8 * FIXTURE_GROW};
  if (out->size != (int64_t)sizeof *out) return SPAR_E_INVALID;
  memset(out, 0, sizeof *out);
  out->size = sizeof *out;
  out->abi_version = FIXTURE_ABI;
  out->isa_best = SPAR_ISA_BASE;
  out->isa_mask = 1 << SPAR_ISA_REF | 1 << SPAR_ISA_BASE;
  out->cpu_count = 3;
  strcpy(out->backend, "fixture");
  memcpy(out->struct_sizes, sizes, sizeof sizes);
  return SPAR_OK;
}

int32_t spar_context_open(const spar_context_desc* desc, spar_context** out) {
  if (desc->size != (int64_t)sizeof *desc || desc->isa == SPAR_ISA_AVX512) return SPAR_E_INVALID;
  *out = calloc(1, sizeof **out);
  (*out)->breadcrumb = desc->breadcrumb;
  return SPAR_OK;
}
int32_t spar_context_close(spar_context* c) {
  if (c->children) return fail(c, SPAR_E_STATE, "children are open");
  free(c);
  return SPAR_OK;
}
int32_t spar_error(spar_context* c, char* buffer, int64_t capacity) {
  snprintf(buffer, (size_t)capacity, "%s", c->text);
  return SPAR_OK;
}
int32_t spar_cancel(spar_context* c) {
  c->cancel = 1;
  return SPAR_OK;
}
int32_t spar_profile_start(spar_context* c, int32_t on) {
  (void)on;
  return c->cancel = 0, SPAR_OK;
}
int32_t spar_profile_read(spar_context* c, spar_op_profile* out, int32_t capacity, int32_t* count) {
  if (capacity < 1 || out->size != (int64_t)sizeof *out) return fail(c, SPAR_E_INVALID, "profile size");
  strcpy(out->name, "toy");
  out->calls = 7;
  *count = 1;
  return SPAR_OK;
}
/* Sleeps for the time asked unless cancelled. */
int32_t spar_probe_run(spar_context* c, int32_t milliseconds, spar_probe* out) {
  const struct timespec tick = {0, 1000000};
  c->cancel = 0;
  if (c->breadcrumb) strcpy(c->breadcrumb, "probe");
  for (int32_t i = 0; i < milliseconds; i++) {
    nanosleep(&tick, NULL);
    if (c->cancel) return fail(c, SPAR_E_CANCELLED, "probe cancelled");
  }
  out->fp32_gflops = 1.5;
  return SPAR_OK;
}

int32_t spar_model_open(spar_context* c, const spar_model_spec* spec, const spar_model_desc* desc, spar_model** out) {
  if (spec->vocab_size < 1) return fail(c, SPAR_E_INVALID, "vocab_size is 0");
  if (spec->vocab_size == 4242) return fail(c, SPAR_E_NOMEM, "9 bytes for weights");
  spar_model* m = calloc(1, sizeof *m);
  m->context = c;
  m->elements = (int64_t)spec->vocab_size * spec->hidden_size;
  m->data = calloc((size_t)m->elements, sizeof(float));
  m->grad = desc->trainable ? calloc((size_t)m->elements, sizeof(float)) : NULL;
  m->data[0] = (float)spec->rope_inv_freq[0];
  c->children++;
  *out = m;
  return SPAR_OK;
}
int32_t spar_model_close(spar_model* m) {
  if (m->children) return fail(m->context, SPAR_E_STATE, "children are open");
  m->context->children--;
  free(m->data);
  free(m->grad);
  free(m);
  return SPAR_OK;
}
int32_t spar_model_tensor(spar_model* m, int32_t index, spar_tensor* out) {
  if (index != 0) return SPAR_E_INVALID;
  strcpy(out->name, "toy.weight");
  out->ndim = 1;
  out->shape[0] = out->elements = m->elements;
  out->shape[1] = 1;
  out->data = m->data;
  out->grad = m->grad;
  return SPAR_OK;
}
int32_t spar_model_prepare(spar_model* m) {
  for (int64_t i = 0; i < m->elements; i++)
    if (m->data[i] != m->data[i]) return fail(m->context, SPAR_E_NONFINITE, "toy.weight is NaN");
  m->ready = 1;
  return SPAR_OK;
}
int32_t spar_model_zero_grad(spar_model* m) {
  if (m->grad) memset(m->grad, 0, (size_t)m->elements * sizeof(float));
  return SPAR_OK;
}

int32_t spar_batch_open(spar_model* m, const spar_batch_desc* desc, spar_batch** out) {
  const size_t n = (size_t)desc->max_rows;
  spar_batch* b = calloc(1, sizeof *b);
  spar_batch_arrays* a = &b->arrays;
  b->model = m;
  b->desc = *desc;
  a->token = calloc(n, 4), a->position = calloc(n, 4), a->target = calloc(n, 4);
  a->coef = calloc(n, 4), a->logp = calloc(n, 4), a->entropy = calloc(n, 4);
  a->segment = calloc((size_t)desc->max_segments, sizeof(spar_segment));
  m->children++;
  *out = b;
  return SPAR_OK;
}
int32_t spar_batch_close(spar_batch* b) {
  spar_batch_arrays* a = &b->arrays;
  b->model->children--;
  free(a->token), free(a->position), free(a->target), free(a->coef), free(a->logp), free(a->entropy), free(a->segment);
  free(b);
  return SPAR_OK;
}
int32_t spar_batch_pointers(spar_batch* b, spar_batch_arrays* out) {
  *out = b->arrays;
  return SPAR_OK;
}
/* logp = -(token + prefix of its segment) */
int32_t spar_forward(spar_batch* b, const spar_forward_desc* d) {
  spar_context* c = b->model->context;
  if (d->num_rows > b->desc.max_rows) return fail(c, SPAR_E_INVALID, "too many rows");
  if (enter(c)) return SPAR_E_INTERNAL;
  for (int32_t s = 0; s < d->num_segments; s++) {
    const spar_segment* g = &b->arrays.segment[s];
    for (int32_t i = g->first_row; i < g->first_row + g->num_rows; i++)
      b->arrays.logp[i] = -(float)(b->arrays.token[i] + g->prefix);
  }
  b->forwarded = 1;
  return leave(c, SPAR_OK);
}
int32_t spar_backward(spar_batch* b) {
  if (!b->forwarded) return fail(b->model->context, SPAR_E_STATE, "no forward before backward");
  b->model->grad[0] += b->arrays.coef[0];
  return SPAR_OK;
}
int32_t spar_batch_program(spar_batch* b, int32_t which, char* text, int64_t capacity, int64_t* needed) {
  const char* program = which ? "backward of the toy" : "forward of the toy";
  (void)b;
  *needed = (int64_t)strlen(program) + 1;
  snprintf(text, (size_t)capacity, "%s", program);
  return SPAR_OK;
}

int32_t spar_optimizer_open(spar_model* m, const spar_optimizer_desc* desc, spar_optimizer** out) {
  spar_optimizer* o = calloc(1, sizeof *o);
  (void)desc;
  o->model = m;
  o->first = calloc((size_t)m->elements, sizeof(float));
  m->children++;
  *out = o;
  return SPAR_OK;
}
int32_t spar_optimizer_close(spar_optimizer* o) {
  o->model->children--;
  free(o->first);
  free(o);
  return SPAR_OK;
}
int32_t spar_optimizer_step(spar_optimizer* o, const spar_step_desc* d, spar_step_result* out) {
  out->grad_norm = o->model->grad[0];
  if (out->grad_norm > 1e6) return fail(o->model->context, SPAR_E_NONFINITE, "the norm of the gradients is not finite");
  o->model->data[0] -= (float)d->learning_rate * o->model->grad[0];
  out->step = ++o->step;
  return SPAR_OK;
}
int32_t spar_optimizer_pointers(spar_optimizer* o, spar_optimizer_state* out) {
  out->step = o->step;
  out->elements = o->model->elements;
  out->first = o->first;
  out->second = NULL;
  return SPAR_OK;
}
int32_t spar_optimizer_resume(spar_optimizer* o, int64_t step) {
  o->step = step;
  return SPAR_OK;
}

/* Counts up from the prompt's last token, one sample after the other. */
int32_t spar_sampler_open(spar_model* m, const spar_sampler_desc* desc, spar_sampler** out) {
  (void)desc;
  *out = calloc(1, sizeof **out);
  (*out)->model = m;
  m->children++;
  return SPAR_OK;
}
int32_t spar_sampler_close(spar_sampler* s) {
  s->model->children--;
  free(s);
  return SPAR_OK;
}
int32_t spar_sampler_add(spar_sampler* s, const spar_request* r) {
  if (r->num_prompt < 1 || r->max_new_tokens > 64)
    return fail(s->model->context, SPAR_E_INVALID, "the request could never fit");
  s->id = r->id;
  s->start = r->prompt[r->num_prompt - 1];
  s->samples = r->num_samples;
  s->next = r->first_sample;
  s->length = r->max_new_tokens;
  return SPAR_OK;
}
int32_t spar_sampler_run(spar_sampler* s, int32_t max_steps, spar_progress* out) {
  (void)max_steps;
  for (int32_t i = 0; i < s->length; i++) s->token[i] = s->start + 1 + i, s->logp[i] = -1;
  out->tokens = (int64_t)s->samples * s->length;
  out->finished = s->samples;
  return SPAR_OK;
}
int32_t spar_sampler_take(spar_sampler* s, spar_completion* out) {
  out->found = s->samples > 0;
  if (!out->found) return SPAR_OK;
  s->samples--;
  out->id = s->id;
  out->sample = s->next++;
  out->finish = SPAR_FINISH_LENGTH;
  out->num_tokens = s->length;
  out->token = s->token;
  out->logp = s->logp;
  return SPAR_OK;
}
int32_t spar_sampler_peek(spar_sampler* s, int32_t index, spar_completion* out) {
  (void)s;
  (void)index;
  out->found = 0;
  return SPAR_OK;
}
int32_t spar_sampler_stop(spar_sampler* s, int64_t id, int32_t sample, int32_t num_tokens) {
  (void)sample;
  if (id != s->id || num_tokens > s->length) return fail(s->model->context, SPAR_E_INVALID, "no such sequence");
  return SPAR_OK;
}

#ifndef FIXTURE_LACKS
int32_t spar_plan_bytes(const spar_plan_desc* desc, const spar_model_spec* spec, const spar_model_desc* model,
                        const spar_batch_desc* batch, const spar_sampler_desc* sampler, spar_plan* out) {
  (void)model;
  if (spec->vocab_size < 1) return SPAR_E_INVALID;
  out->parameters = (int64_t)spec->vocab_size * spec->hidden_size;
  out->weight_bytes = 4 * out->parameters;
  out->optimizer_bytes = desc->optimizer_kind < 0 ? 0 : out->weight_bytes;
  out->batch_bytes = batch ? batch->max_rows : 0;
  out->sampler_bytes = sampler ? sampler->kv_tokens : 0;
  return SPAR_OK;
}
#endif
