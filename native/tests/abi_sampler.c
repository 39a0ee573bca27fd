/* The sampler: bits of its log-probs, independence of scheduling, ends of sequences. */
#include <math.h>

#include "tests/abi_test.h"

enum { MAX_TAKEN = 64, MAX_NEW = 24 };

typedef struct taken {
  int64_t id;
  int32_t sample, finish, n;
  int32_t token[MAX_NEW];
  float logp[MAX_NEW];
} taken;

typedef struct run {
  taken done[MAX_TAKEN];
  int count;
  int64_t tokens, prefill;
} run;

static spar_sampler* open_sampler(engine* e, int32_t max_rows, int64_t kv_tokens) {
  spar_sampler* sampler = NULL;
  spar_sampler_desc d = {sizeof d, max_rows, 0, kv_tokens};
  OK(e->context, spar_sampler_open(e->model, &d, &sampler));
  return sampler;
}

static const int32_t prompts[3][9] = {{7, 3, 50, 12, 9}, {44}, {1, 2, 3, 4, 5, 6, 7, 8, 9}};
static const int32_t prompt_sizes[3] = {5, 1, 9};

static spar_request request(int which, int32_t samples, int32_t max_new) {
  spar_request r = {.size = sizeof r,
                    .id = 100 + which,
                    .prompt = prompts[which],
                    .num_prompt = prompt_sizes[which],
                    .num_samples = samples,
                    .max_new_tokens = max_new,
                    .temperature = 1,
                    .top_p = 1,
                    .iteration = 3,
                    .seed = 0x123456789abcdefull,
                    .prompt_key = 40 + which};
  return r;
}

/* Takes what is finished. */
static void take_all(engine* e, spar_sampler* sampler, run* r) {
  spar_completion c = {.size = sizeof c, .found = 1};
  for (;;) {
    OK(e->context, spar_sampler_take(sampler, &c));
    if (!c.found || r->count == MAX_TAKEN) return;
    taken* t = &r->done[r->count++];
    t->id = c.id, t->sample = c.sample, t->finish = c.finish, t->n = c.num_tokens;
    CHECK(c.num_tokens <= MAX_NEW);
    memcpy(t->token, c.token, (size_t)c.num_tokens * 4);
    memcpy(t->logp, c.logp, (size_t)c.num_tokens * 4);
  }
}

static void run_all(engine* e, spar_sampler* sampler, int32_t steps, run* r) {
  spar_progress p = {.size = sizeof p};
  do {
    OK(e->context, spar_sampler_run(sampler, steps, &p));
    r->tokens += p.tokens;
    r->prefill += p.prefill;
    take_all(e, sampler, r);
  } while (p.running > 0 || p.waiting > 0);
}

static const taken* find(const run* r, int64_t id, int32_t sample) {
  for (int i = 0; i < r->count; i++)
    if (r->done[i].id == id && r->done[i].sample == sample) return &r->done[i];
  CHECK(!"the completion is there");
  return &r->done[0];
}

static run sample_three(engine* e, int32_t max_rows, int64_t kv_tokens, int32_t steps, int32_t samples) {
  run r;
  memset(&r, 0, sizeof r);
  spar_sampler* sampler = open_sampler(e, max_rows, kv_tokens);
  for (int i = 0; i < 3; i++) {
    spar_request q = request(i, samples, 6 + 5 * i);
    OK(e->context, spar_sampler_add(sampler, &q));
  }
  run_all(e, sampler, steps, &r);
  OK(e->context, spar_sampler_close(sampler));
  CHECK(r.count == 3 * samples);
  return r;
}

/* Every completion's log-probs are the bits of spar_forward for the same ids. The reference family
 * alone rounds logits to fp32 when it samples and not when it scores: there they are only close. */
static void check_scores(engine* e, const run* r, int exact) {
  batch b = open_batch(e, 64, 4, 1);
  for (int i = 0; i < r->count; i++) {
    const taken* t = &r->done[i];
    int which = (int)(t->id - 100);
    b.rows = b.segments = 0;
    add_ids(&b, prompts[which], prompt_sizes[which], t->token, t->n);
    OK(e->context, run_forward(&b, 0));
    const float* scored = b.a.logp + prompt_sizes[which] - 1;
    CHECK(!exact || memcmp(scored, t->logp, (size_t)t->n * 4) == 0);
    for (int32_t k = 0; k < t->n; k++) CHECK(fabsf(scored[k] - t->logp[k]) < 3e-6f);
  }
  OK(e->context, spar_batch_close(b.handle));
}

void test_sampler_bits(void) {
  const int cases[] = {TIED, BIAS | QK_NORM, WINDOW, TIED | BIAS | QK_NORM | WINDOW};
  spar_info info = {.size = sizeof info};
  spar_library_info(&info);
  for (int32_t isa = SPAR_ISA_REF; isa <= SPAR_ISA_AMX; isa++)
    for (int i = 0; (info.isa_mask >> isa & 1) != 0 && i < 4; i++)
      for (int32_t precision = SPAR_FP32; precision <= SPAR_BF16; precision++) {
        engine e = open_engine(isa, 2, precision, cases[i]);
        run r = sample_three(&e, 9, 200, 1000, 4);
        check_scores(&e, &r, isa != SPAR_ISA_REF);
        close_engine(&e);
      }
}

static void same_draws(const run* a, const run* b) {
  for (int i = 0; i < a->count; i++) {
    const taken *x = &a->done[i], *y = find(b, x->id, x->sample);
    CHECK(x->n == y->n && x->finish == y->finish);
    CHECK(memcmp(x->token, y->token, (size_t)x->n * 4) == 0 && memcmp(x->logp, y->logp, (size_t)x->n * 4) == 0);
  }
}

static int distinct(const run* r, int64_t id) {
  int pairs = 0;
  for (int i = 0; i < r->count; i++)
    for (int j = 0; j < i; j++)
      pairs += r->done[i].id == id && r->done[j].id == id &&
               memcmp(r->done[i].token, r->done[j].token, (size_t)r->done[i].n * 4) != 0;
  return pairs;
}

/* Rows, pool and steps change when tokens are drawn, never which. 24 pool tokens hold the largest
 * request's prefix and one of its samples only. */
void test_sampler_schedule(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 2, SPAR_FP32, TIED), one = open_engine(SPAR_ISA_AUTO, 1, SPAR_FP32, TIED);
  engine many[] = {open_engine(SPAR_ISA_AUTO, 3, SPAR_FP32, TIED), open_engine(SPAR_ISA_AUTO, 7, SPAR_FP32, TIED)};
  run wide = sample_three(&e, 100, 400, 1000, 5);
  CHECK(wide.tokens == 5 * (6 + 11 + 16) && wide.prefill == 4 + 0 + 8);
  CHECK(distinct(&wide, 100) == 10 && distinct(&wide, 102) == 10);
  const int32_t rows[] = {1, 2, 7, 70};
  const int64_t pools[] = {24, 30, 61};
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 3; j++) {
      run r = sample_three(&one, rows[i], pools[j], 1 + i, 5);
      same_draws(&wide, &r);
      CHECK(r.tokens == wide.tokens && r.prefill == wide.prefill);
    }
  for (int i = 0; i < 2; i++) {
    run r = sample_three(&many[i], 7, 61, 2, 5);
    same_draws(&wide, &r);
    close_engine(&many[i]);
  }
  /* Sample 3 asked for alone is sample 3 of five. */
  run r;
  memset(&r, 0, sizeof r);
  spar_sampler* sampler = open_sampler(&one, 4, 64);
  spar_request q = request(2, 1, 16);
  q.first_sample = 3;
  OK(one.context, spar_sampler_add(sampler, &q));
  run_all(&one, sampler, 5, &r);
  CHECK(r.count == 1);
  same_draws(&r, &wide);
  OK(one.context, spar_sampler_close(sampler));
  close_engine(&one);
  close_engine(&e);
}

static void check_greedy(engine* e) {
  run greedy, top1;
  memset(&greedy, 0, sizeof greedy);
  memset(&top1, 0, sizeof top1);
  spar_sampler* sampler = open_sampler(e, 8, 64);
  spar_request q = request(0, 2, 8);
  q.temperature = 0;
  OK(e->context, spar_sampler_add(sampler, &q));
  run_all(e, sampler, 3, &greedy);
  q.temperature = 1.7f, q.top_k = 1;
  OK(e->context, spar_sampler_add(sampler, &q));
  run_all(e, sampler, 3, &top1);
  same_draws(&greedy, &top1);
  CHECK(distinct(&greedy, 100) == 0);

  /* The second id as a stop id ends the sequence there, and is its last. */
  int32_t stop = greedy.done[0].token[1];
  int32_t want = greedy.done[0].token[0] == stop ? 1 : 2;
  run stopped;
  memset(&stopped, 0, sizeof stopped);
  q.stop_ids = &stop, q.num_stop_ids = 1;
  OK(e->context, spar_sampler_add(sampler, &q));
  run_all(e, sampler, 100, &stopped);
  CHECK(stopped.count == 2 && stopped.done[0].n == want && stopped.done[1].n == want);
  CHECK(stopped.done[0].finish == SPAR_FINISH_STOP && greedy.done[0].finish == SPAR_FINISH_LENGTH);
  OK(e->context, spar_sampler_close(sampler));
}

static void check_peek_and_stop(engine* e) {
  spar_sampler* sampler = open_sampler(e, 12, 200);
  spar_progress p = {.size = sizeof p};
  for (int i = 0; i < 2; i++) {
    spar_request q = request(i, 2, 4 + 8 * i);
    OK(e->context, spar_sampler_add(sampler, &q));
  }
  OK(e->context, spar_sampler_run(sampler, 3, &p));
  CHECK(p.running == 4 && p.waiting == 0 && p.finished == 0 && p.tokens == 12 && p.prefill == 4);
  spar_completion c = {.size = sizeof c};
  OK(e->context, spar_sampler_peek(sampler, 1, &c));
  CHECK(c.found && c.id == 100 && c.sample == 1 && c.num_tokens == 3 && c.finish == SPAR_FINISH_NONE);
  OK(e->context, spar_sampler_peek(sampler, 4, &c));
  CHECK(!c.found);
  REFUSED(e->context, spar_sampler_peek(sampler, -1, &c), SPAR_E_INVALID, "index is -1");
  REFUSED(e->context, spar_sampler_stop(sampler, 101, 0, 4), SPAR_E_INVALID, "num_tokens is 4; the sequence has 3");
  REFUSED(e->context, spar_sampler_stop(sampler, 101, 2, 0), SPAR_E_INVALID, "id 101, sample 2 is neither");
  OK(e->context, spar_sampler_stop(sampler, 101, 0, 2));
  OK(e->context, spar_sampler_run(sampler, 1, &p));
  CHECK(p.running == 1 && p.finished == 3);
  OK(e->context, spar_sampler_stop(sampler, 100, 1, 0)); /* finished, not yet taken */
  run r;
  memset(&r, 0, sizeof r);
  take_all(e, sampler, &r);
  CHECK(r.count == 3 && r.done[0].id == 100 && r.done[0].sample == 0 && r.done[0].finish == SPAR_FINISH_LENGTH);
  CHECK(r.done[1].id == 100 && r.done[1].sample == 1 && r.done[1].n == 0 && r.done[1].finish == SPAR_FINISH_HOST);
  CHECK(r.done[2].id == 101 && r.done[2].n == 2 && r.done[2].finish == SPAR_FINISH_HOST);
  OK(e->context, spar_model_prepare(e->model));
  REFUSED(e->context, spar_sampler_run(sampler, 1, &p), SPAR_E_STATE, "1 sequences are running");
  OK(e->context, spar_sampler_stop(sampler, 101, 1, 1));
  OK(e->context, spar_sampler_run(sampler, 1, &p));
  CHECK(p.running == 0 && p.finished == 1);
  OK(e->context, spar_sampler_close(sampler));
}

/* A long prompt is computed in parts beside a running sequence, which draws in every step. */
static void check_long_prompt(engine* e) {
  spar_sampler* sampler = open_sampler(e, 100, 200);
  spar_progress p = {.size = sizeof p};
  spar_request q = request(1, 1, 12);
  OK(e->context, spar_sampler_add(sampler, &q));
  OK(e->context, spar_sampler_run(sampler, 1, &p));
  CHECK(p.running == 1 && p.tokens == 1 && p.prefill == 0);
  int32_t ids[50];
  for (int32_t i = 0; i < 50; i++) ids[i] = (i * 7 + 3) % VOCAB;
  q = request(2, 2, 4);
  q.prompt = ids, q.num_prompt = 50;
  OK(e->context, spar_sampler_add(sampler, &q));
  int64_t prefill = 0;
  int steps = 0;
  for (; prefill < 49 && steps < 10; steps++) {
    OK(e->context, spar_sampler_run(sampler, 1, &p));
    CHECK(p.tokens >= 1 && p.prefill < 49);
    prefill += p.prefill;
  }
  CHECK(prefill == 49 && steps > 1);
  run r;
  memset(&r, 0, sizeof r);
  run_all(e, sampler, 100, &r);
  CHECK(r.count == 3);
  OK(e->context, spar_sampler_close(sampler));
}

void test_sampler_ends(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 2, SPAR_FP32, TIED);
  check_greedy(&e);
  check_peek_and_stop(&e);
  check_long_prompt(&e);
  close_engine(&e);
}

static void refuse(engine* e, spar_sampler* sampler, spar_request r, const char* text) {
  REFUSED(e->context, spar_sampler_add(sampler, &r), SPAR_E_INVALID, text);
}

static void check_requests(engine* e, spar_sampler* sampler) {
  const int32_t bad_ids[] = {2, VOCAB, 3};
  spar_request good = request(0, 2, 4), r;
#define WRONG(field, value, text) (r = good, r.field = (value), refuse(e, sampler, r, text))
  WRONG(size, 5, "spar_request: size is 5");
  WRONG(num_prompt, 0, "num_prompt is 0");
  WRONG(num_samples, 0, "num_samples is 0");
  WRONG(first_sample, -1, "first_sample is -1");
  WRONG(first_sample, INT32_MAX, "is too large");
  WRONG(max_new_tokens, 0, "max_new_tokens is 0");
  WRONG(max_new_tokens, 100, "the request needs 104 pool tokens (4 of prompt, 100 new); kv_tokens is 80");
  WRONG(max_new_tokens, 62, "the request needs 66 positions (4 of prompt, 62 new); max_positions is 64");
  WRONG(num_stop_ids, -1, "num_stop_ids is -1");
  WRONG(num_stop_ids, 1, "stop_ids is NULL but has 1 ids");
  WRONG(prompt, NULL, "prompt is NULL but has 5 ids");
  r = good, r.num_prompt = 3;
  WRONG(prompt, bad_ids, "prompt[1] is 53");
  WRONG(top_k, -1, "top_k is -1");
  WRONG(temperature, -1, "temperature is -1");
  WRONG(top_p, 0, "top_p is 0");
  WRONG(min_p, 1.5f, "min_p is 1.5");
  WRONG(reserved, 1, "reserved is 1");
#undef WRONG
  OK(e->context, spar_sampler_add(sampler, &good));
  good.first_sample = 1;
  refuse(e, sampler, good, "id 100 has one of samples 1 to 2 already");
  good.first_sample = 2;
  OK(e->context, spar_sampler_add(sampler, &good));
}

void test_sampler_inputs(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 1, SPAR_FP32, TIED);
  spar_sampler* sampler = NULL;
  spar_sampler_desc d = {sizeof d, 0, 0, 80};
  REFUSED(e.context, spar_sampler_open(e.model, &d, &sampler), SPAR_E_INVALID, "max_rows is 0");
  d.max_rows = 8, d.kv_tokens = 0;
  REFUSED(e.context, spar_sampler_open(e.model, &d, &sampler), SPAR_E_INVALID, "kv_tokens is 0");
  d.kv_tokens = INT64_MAX;
  REFUSED(e.context, spar_sampler_open(e.model, &d, &sampler), SPAR_E_INVALID, "kv_tokens is 9223372036854775807");
  d.kv_tokens = 80, d.reserved = 3;
  REFUSED(e.context, spar_sampler_open(e.model, &d, &sampler), SPAR_E_INVALID, "reserved is 3");
  d.size = 7;
  REFUSED(e.context, spar_sampler_open(e.model, &d, &sampler), SPAR_E_INVALID, "spar_sampler_desc: size is 7");
  CHECK(sampler == NULL);
  sampler = open_sampler(&e, 8, 80);
  spar_progress p = {.size = sizeof p};
  OK(e.context, spar_sampler_run(sampler, 10, &p)); /* nothing to do */
  CHECK(p.tokens == 0 && p.running == 0 && p.waiting == 0 && p.finished == 0);
  REFUSED(e.context, spar_sampler_run(sampler, 0, &p), SPAR_E_INVALID, "max_steps is 0");
  check_requests(&e, sampler);
  p.size = 3;
  REFUSED(e.context, spar_sampler_run(sampler, 1, &p), SPAR_E_INVALID, "spar_progress: size is 3");
  spar_completion c = {.size = 3};
  REFUSED(e.context, spar_sampler_take(sampler, &c), SPAR_E_INVALID, "spar_completion: size is 3");
  REFUSED(e.context, spar_sampler_peek(sampler, 0, &c), SPAR_E_INVALID, "spar_completion: size is 3");
  OK(e.context, spar_sampler_close(sampler));
  close_engine(&e);
}
