/* What the ABI tests share. They are C99 and see nothing but spar.h: what a host sees. */
#ifndef SPAR_ABI_TEST_H
#define SPAR_ABI_TEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/spar.h"

/* A failed check is printed and counted; the test goes on. */
extern int failures;
void fail_at(const char* file, int line, const char* what);
#define CHECK(condition) ((condition) ? (void)0 : fail_at(__FILE__, __LINE__, #condition))

/* The call must return the status, and its error text must hold `part`. */
void expect(spar_context* context, int32_t got, int32_t want, const char* part, const char* file, int line);
#define REFUSED(context, call, status, part) expect(context, call, status, part, __FILE__, __LINE__)
#define OK(context, call) expect(context, call, SPAR_OK, "", __FILE__, __LINE__)

/* Features of the tiny model; grouped queries always. */
enum { TIED = 1, BIAS = 2, QK_NORM = 4, WINDOW = 8, FEATURES = 16 };

enum { VOCAB = 53, HIDDEN = 20, LAYERS = 2, HEADS = 4, KV_HEADS = 2, HEAD_DIM = 6, FFN = 28, POSITIONS = 64 };

spar_model_spec tiny_spec(int features);
spar_model_desc tiny_desc(int32_t precision);

typedef struct engine {
  spar_context* context;
  spar_model* model;
} engine;

/* A context and a tiny prepared model with weights that depend on the tensor only. */
engine open_engine(int32_t isa, int32_t threads, int32_t precision, int features);
void close_engine(engine* e);
/* Random weights without prepare. */
void fill_weights(spar_context* context, spar_model* model);

/* Deterministic numbers. */
uint32_t next_random(uint64_t* state);
float random_between(uint64_t* state, float low, float high);

typedef struct batch {
  spar_batch* handle;
  spar_batch_arrays a;
  int32_t rows, segments;
} batch;

batch open_batch(engine* e, int32_t rows, int32_t segments, int train);
/* Appends a group: one prefix segment (prompt without its last id) and k responses of the given
 * length; ids come from the seed and the response's number, first_response onwards. */
void add_group(batch* b, uint64_t seed, int32_t prompt, int32_t first_response, int32_t k, int32_t length);
/* Appends a group with these ids. */
void add_ids(batch* b, const int32_t* prompt, int32_t num_prompt, const int32_t* response, int32_t num_response);
int32_t run_forward(batch* b, int entropy);

void test_lifecycle(void);
void test_observability(void);
void test_inputs(void);
void test_batch_inputs(void);
void test_sampler_inputs(void);
void test_states(void);
void test_nonfinite(void);
void test_threads(void);
void test_prefix_groups(void);
void test_learning(void);
void test_cancel(void);
void test_sampler_bits(void);
void test_sampler_schedule(void);
void test_sampler_ends(void);

#endif
