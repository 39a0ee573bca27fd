/* Handles: opening, closing in every order, what can be observed of a run. */
#include "tests/abi_test.h"

static void check_info(void) {
  spar_info info = {.size = sizeof info - 8};
  CHECK(spar_library_info(&info) == SPAR_E_INVALID && info.abi_version == 0);
  CHECK(spar_library_info(NULL) == SPAR_E_INVALID);
  info.size = sizeof info;
  CHECK(spar_library_info(&info) == SPAR_OK);
  CHECK(info.abi_version == SPAR_ABI_VERSION && strcmp(info.backend, "cpu") == 0);
  CHECK((info.isa_mask >> info.isa_best & 1) == 1 && (info.isa_mask >> SPAR_ISA_REF & 1) == 1);
  CHECK(info.cpu_count >= 1 && info.build[0] != '\0' && info.cpu[0] != '\0');
  const int64_t sizes[] = {sizeof(spar_info),
                           sizeof(spar_context_desc),
                           sizeof(spar_op_profile),
                           sizeof(spar_probe),
                           sizeof(spar_model_spec),
                           sizeof(spar_model_desc),
                           sizeof(spar_tensor),
                           sizeof(spar_segment),
                           sizeof(spar_batch_desc),
                           sizeof(spar_batch_arrays),
                           sizeof(spar_forward_desc),
                           sizeof(spar_optimizer_desc),
                           sizeof(spar_step_desc),
                           sizeof(spar_step_result),
                           sizeof(spar_optimizer_state),
                           sizeof(spar_sampler_desc),
                           sizeof(spar_request),
                           sizeof(spar_progress),
                           sizeof(spar_completion),
                           sizeof(spar_plan_desc),
                           sizeof(spar_plan),
                           0};
  CHECK(memcmp(info.struct_sizes, sizes, sizeof sizes) == 0);
}

static void check_context(void) {
  spar_context* context = NULL;
  spar_context_desc d = {sizeof d, 1, SPAR_ISA_AUTO, NULL};
  CHECK(spar_context_open(NULL, &context) == SPAR_E_INVALID);
  CHECK(spar_context_open(&d, NULL) == SPAR_E_INVALID);
  spar_context_desc bad = d;
  bad.size--;
  CHECK(spar_context_open(&bad, &context) == SPAR_E_INVALID);
  bad = d;
  bad.num_threads = -1;
  CHECK(spar_context_open(&bad, &context) == SPAR_E_INVALID);
  bad.num_threads = 1 << 20;
  CHECK(spar_context_open(&bad, &context) == SPAR_E_INVALID);
  bad = d;
  for (int32_t isa = -1; isa <= 40; isa += 41) {
    bad.isa = isa;
    CHECK(spar_context_open(&bad, &context) == SPAR_E_INVALID);
  }
  CHECK(context == NULL);
  CHECK(spar_context_close(NULL) == SPAR_E_INVALID);
  d.num_threads = 0;
  CHECK(spar_context_open(&d, &context) == SPAR_OK);
  CHECK(spar_context_close(context) == SPAR_OK);
}

static void check_close_order(void) {
  engine e = open_engine(SPAR_ISA_AUTO, 2, SPAR_FP32, TIED);
  batch b = open_batch(&e, 8, 2, 1);
  spar_optimizer* optimizer = NULL;
  spar_optimizer_desc od = {sizeof od, SPAR_OPTIM_ADAMW, 0, 0.9, 0.999, 1e-8, 0};
  OK(e.context, spar_optimizer_open(e.model, &od, &optimizer));
  spar_sampler* sampler = NULL;
  spar_sampler_desc sd = {sizeof sd, 4, 0, 32};
  OK(e.context, spar_sampler_open(e.model, &sd, &sampler));

  REFUSED(e.context, spar_context_close(e.context), SPAR_E_STATE, "1 model(s) are open");
  REFUSED(e.context, spar_model_close(e.model), SPAR_E_STATE, "1 batch(es), 1 optimizer(s) and 1 sampler(s)");
  OK(e.context, spar_batch_close(b.handle));
  REFUSED(e.context, spar_model_close(e.model), SPAR_E_STATE, "0 batch(es), 1 optimizer(s)");
  OK(e.context, spar_optimizer_close(optimizer));
  REFUSED(e.context, spar_model_close(e.model), SPAR_E_STATE, "1 sampler(s)");
  OK(e.context, spar_sampler_close(sampler));
  close_engine(&e);
}

void test_lifecycle(void) {
  check_info();
  check_context();
  check_close_order();
}

static void check_profile(engine* e, batch* b) {
  spar_op_profile p[40];
  for (int i = 0; i < 40; i++) p[i].size = sizeof p[i];
  int32_t count = -1;
  OK(e->context, spar_profile_start(e->context, 1));
  OK(e->context, run_forward(b, 0));
  OK(e->context, spar_profile_read(e->context, p, 40, &count));
  const spar_op_profile *linear = NULL, *gated = NULL;
  for (int i = 0; i < count; i++) {
    if (strcmp(p[i].name, "linear_forward") == 0) linear = &p[i];
    if (strcmp(p[i].name, "linear_gated") == 0) gated = &p[i];
  }
  CHECK(linear != NULL && linear->calls == 3 * LAYERS && linear->time_ns > 0);
  CHECK(gated != NULL && gated->calls == LAYERS && gated->time_ns > 0);
  int64_t qkv = (HEADS + 2 * KV_HEADS) * HEAD_DIM, weights = HIDDEN * (qkv + HEADS * HEAD_DIM + FFN);
  CHECK(linear != NULL && linear->flops == 2 * LAYERS * b->rows * weights);
  CHECK(gated != NULL && gated->flops == 2 * LAYERS * b->rows * (HIDDEN * 2 * FFN + 6 * FFN));
  p[0].size = 1;
  REFUSED(e->context, spar_profile_read(e->context, p, 40, &count), SPAR_E_INVALID, "spar_op_profile: size is 1");
  REFUSED(e->context, spar_profile_read(e->context, NULL, 40, &count), SPAR_E_INVALID, "must not be NULL");
  OK(e->context, spar_profile_start(e->context, 0));
  OK(e->context, run_forward(b, 0));
  OK(e->context, spar_profile_read(e->context, NULL, 0, &count));
  CHECK(count == 0);
  REFUSED(e->context, spar_profile_start(e->context, 2), SPAR_E_INVALID, "on is 2");
}

static void check_program(engine* e, batch* b) {
  static char text[1 << 16], cut[32];
  int64_t needed = 0, again = 0;
  OK(e->context, spar_batch_program(b->handle, 0, NULL, 0, &needed));
  OK(e->context, spar_batch_program(b->handle, 0, text, sizeof text, &again));
  CHECK(needed == again && needed == (int64_t)strlen(text) + 1);
  CHECK(strncmp(text, "forward: ", 9) == 0 && strstr(text, "layer 1 attention_forward") != NULL);
  CHECK(strstr(text, "arena+") != NULL && strstr(text, "weights+") != NULL && strstr(text, "=host") == NULL);
  OK(e->context, spar_batch_program(b->handle, 0, cut, sizeof cut, &again));
  CHECK(strlen(cut) == sizeof cut - 1 && strncmp(cut, text, sizeof cut - 1) == 0);
  OK(e->context, spar_batch_program(b->handle, 1, text, sizeof text, &again));
  CHECK(strstr(text, "layer 0 attention_backward") != NULL && strstr(text, "gradients+") != NULL);
  REFUSED(e->context, spar_batch_program(b->handle, 2, text, sizeof text, &again), SPAR_E_INVALID, "which is 2");
  REFUSED(e->context, spar_batch_program(b->handle, 0, text, sizeof text, NULL), SPAR_E_INVALID, "NULL");
}

static void check_error_text(spar_context* context) {
  char text[512], cut[8];
  REFUSED(context, spar_profile_start(context, 7), SPAR_E_INVALID, "spar_profile_start: on is 7; it must be 0 or 1");
  OK(context, spar_error(context, text, sizeof text));
  OK(context, spar_error(context, cut, sizeof cut));
  CHECK(strlen(cut) == 7 && strncmp(cut, text, 7) == 0);
  CHECK(spar_error(context, NULL, 5) == SPAR_E_INVALID && spar_error(context, cut, 0) == SPAR_E_INVALID);
  CHECK(spar_error(NULL, cut, 8) == SPAR_E_INVALID);
}

static void check_probe(spar_context* context) {
  spar_probe probe = {.size = sizeof probe};
  OK(context, spar_probe_run(context, 20, &probe));
  CHECK(probe.fp32_gflops > 0.01 && probe.bf16_gflops > 0.01);
  CHECK(probe.read_gb_per_s > 0.01 && probe.copy_gb_per_s > 0.01 && probe.update_gb_per_s > 0.01);
  REFUSED(context, spar_probe_run(context, 0, &probe), SPAR_E_INVALID, "milliseconds is 0");
  probe.size = 8;
  REFUSED(context, spar_probe_run(context, 5, &probe), SPAR_E_INVALID, "spar_probe: size is 8");
}

void test_observability(void) {
  char breadcrumb[64];
  memset(breadcrumb, 'x', sizeof breadcrumb);
  spar_context_desc d = {sizeof d, 2, SPAR_ISA_AUTO, breadcrumb};
  engine e = {NULL, NULL};
  OK(NULL, spar_context_open(&d, &e.context));
  CHECK(breadcrumb[0] == '\0');
  spar_model_spec spec = tiny_spec(0);
  spar_model_desc desc = tiny_desc(SPAR_FP32);
  OK(e.context, spar_model_open(e.context, &spec, &desc, &e.model));
  fill_weights(e.context, e.model);
  breadcrumb[0] = 'x';
  OK(e.context, spar_model_prepare(e.model));
  CHECK(breadcrumb[0] == '\0' && breadcrumb[63] == '\0'); /* no op is in hand */
  batch b = open_batch(&e, 24, 4, 1);
  add_group(&b, 1, 4, 0, 2, 5);
  check_profile(&e, &b);
  check_program(&e, &b);
  check_error_text(e.context);
  check_probe(e.context);
  OK(e.context, spar_batch_close(b.handle));
  close_engine(&e);
}
