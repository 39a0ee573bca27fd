/* The engine as a host sees it: every entry point through spar.h, from C99. Without an argument
 * all tests run, else the one named. */
#include "tests/abi_test.h"

static const struct {
  const char* name;
  void (*run)(void);
} tests[] = {
    {"lifecycle", test_lifecycle},
    {"observability", test_observability},
    {"inputs", test_inputs},
    {"batch_inputs", test_batch_inputs},
    {"sampler_inputs", test_sampler_inputs},
    {"states", test_states},
    {"nonfinite", test_nonfinite},
    {"threads", test_threads},
    {"prefix_groups", test_prefix_groups},
    {"learning", test_learning},
    {"cancel", test_cancel},
    {"sampler_bits", test_sampler_bits},
    {"sampler_schedule", test_sampler_schedule},
    {"sampler_ends", test_sampler_ends},
};

int main(int argc, char** argv) {
  int ran = 0;
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    if (argc > 1 && strcmp(argv[1], tests[i].name) != 0) continue;
    int before = failures;
    tests[i].run();
    printf("%s %s\n", failures == before ? "ok  " : "FAIL", tests[i].name);
    ran++;
  }
  if (ran == 0) fprintf(stderr, "no test is named %s\n", argv[1]);
  return failures > 0 || ran == 0;
}
