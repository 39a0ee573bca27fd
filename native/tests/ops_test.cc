// Runs the op tests: every registered case with the kernels of every family of this machine.
//   ops_test [filter]             cases whose name, e.g. linear/avx512/forward m=17,n=33,k=65, has the filter in it
//   ops_test --family=name        cases of one family; "widest" is the last that this machine can run
//   ops_test --planted [filter]   spoils kernels on purpose; fails when a spoiled kernel passes its cases
//   ops_test --bench [filter] [--threads=n]   times the ops, e.g. --bench linear/avx512 --threads=2
// Exit code 0 when all is well, 1 when a case failed or a planted bug was missed, 2 for wrong usage,
// 77 when this machine cannot run the family.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/op_case.h"

namespace spar {
namespace test {

constexpr int kCannotRun = 77;  // ctest then says "Skipped"

struct Tally {
  int passed = 0, failed = 0;
};

static bool matches(const std::string& name, const std::string& filter) {
  return name.find(filter) != std::string::npos;
}

static std::vector<std::string> run_case(const Case& c, const Family& family, const OpTable& kernels) {
  set_genuine(family.table);
  Check check(family, kernels);
  c.run(check);
  check.finish();
  return check.failures();
}

// The cases of one op with one family, reported in one line.
static Tally run_op(const std::string& op, const Family& family, const std::string& filter) {
  Tally tally;
  std::string report;
  for (const Case& c : cases()) {
    const std::string name = op + "/" + family.name + "/" + c.name;
    if (c.op != op || !matches(name, filter)) continue;
    const std::vector<std::string> failures = run_case(c, family, *family.table);
    (failures.empty() ? tally.passed : tally.failed)++;
    for (const std::string& f : failures) report += "  FAIL " + name + ": " + f + "\n";
  }
  if (tally.passed + tally.failed)
    std::printf("%-24s %4d passed, %d failed\n%s", (op + "/" + family.name).c_str(), tally.passed, tally.failed,
                report.c_str());
  std::fflush(stdout);
  return tally;
}

static std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const Case& c : cases()) {
    bool seen = false;
    for (const std::string& n : names) seen |= n == c.op;
    if (!seen) names.push_back(c.op);
  }
  return names;
}

// All families of this machine, or the one that is named; empty when the machine does not have it.
static std::vector<Family> chosen(const std::string& name) {
  if (name.empty()) return families();
  if (name == "widest") return {families().back()};
  for (const Family& family : families())
    if (name == family.name) return {family};
  return {};
}

static int run_all(const std::vector<Family>& chosen, const std::string& filter) {
  Tally total;
  for (const std::string& op : op_names()) {
    for (const Family& family : chosen) {
      const Tally t = run_op(op, family, filter);
      total.passed += t.passed;
      total.failed += t.failed;
    }
  }
  std::printf("%d passed, %d failed\n", total.passed, total.failed);
  if (total.passed + total.failed == 0) std::printf("no case has \"%s\" in its name\n", filter.c_str());
  return total.failed || !total.passed ? 1 : 0;
}

// The name of a case that passes with the genuine kernel and notices the bug, or "".
static std::string caught_by(const Planted& p, const Family& family) {
  OpTable spoiled = *family.table;
  p.spoil(spoiled);
  for (const Case& c : cases())
    if (c.op == p.op && !run_case(c, family, spoiled).empty() && run_case(c, family, *family.table).empty())
      return c.name;
  return "";
}

static int run_planted(const std::string& filter) {
  Tally total;
  for (const Planted& p : planted()) {
    const Family& family = families().back();
    const std::string name = p.op + "/" + family.name + "/" + p.bug;
    if (!matches(name, filter)) continue;
    const std::string by = caught_by(p, family);
    (by.empty() ? total.failed : total.passed)++;
    std::printf("%s %s%s%s\n", by.empty() ? "MISSED" : "caught", name.c_str(), by.empty() ? "" : " by ", by.c_str());
  }
  // An op without a planted bug has tests that nobody has seen fail.
  for (const std::string& op : op_names()) {
    bool has = false;
    for (const Planted& p : planted()) has |= p.op == op;
    if (has || !matches(op, filter)) continue;
    std::printf("MISSED %s: no planted bug is registered\n", op.c_str());
    total.failed++;
  }
  std::printf("%d caught, %d missed\n", total.passed, total.failed);
  return total.failed || !total.passed ? 1 : 0;
}

static int run_bench(const std::string& filter, int32_t num_threads) {
  int timed = 0;
  for (const Timing& t : timings()) {
    for (const Family& family : families()) {
      const std::string name = t.op + "/" + family.name;
      if (family.isa == SPAR_ISA_REF || !matches(name, filter)) continue;
      Bench bench(family, num_threads);
      std::printf("%s, %d threads\n", name.c_str(), num_threads);
      t.run(bench);
      timed++;
    }
  }
  if (!timed) std::printf("no timing has \"%s\" in its name\n", filter.c_str());
  return timed ? 0 : 1;
}

static int usage() {
  std::fprintf(stderr, "usage: ops_test [--family=name | --planted | --bench [--threads=n]] [filter]\n");
  return 2;
}

static int run(int argc, char** argv) {
  std::string mode, filter, family;
  int32_t num_threads = 1;
  for (int i = 1; i < argc; i++) {
    const std::string arg = argv[i];
    if (arg == "--planted" || arg == "--bench")
      mode = arg;
    else if (arg.rfind("--family=", 0) == 0)
      family = arg.substr(9);
    else if (arg.rfind("--threads=", 0) == 0)
      num_threads = std::atoi(arg.c_str() + 10);
    else if (arg[0] == '-' || !filter.empty())
      return usage();
    else
      filter = arg;
  }
  if (num_threads < 1 || (!mode.empty() && !family.empty())) return usage();
  if (mode == "--planted") return run_planted(filter);
  if (mode == "--bench") return run_bench(filter, num_threads);
  const std::vector<Family> tested = chosen(family);
  if (!tested.empty()) return run_all(tested, filter);
  std::printf("this machine cannot run the family %s\n", family.c_str());
  return kCannotRun;
}

}  // namespace test
}  // namespace spar

int main(int argc, char** argv) { return spar::test::run(argc, argv); }
