#include "backends/cpu/cpu_count.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace spar {
namespace {

// The file's text; "" when it cannot be read. Control files are small.
std::string read_text(const std::string& path) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) return "";
  char buffer[8192];
  size_t n = std::fread(buffer, 1, sizeof buffer, file.get());
  return std::string(buffer, n);
}

// Smaller of two quotas, of which 0 means none.
double tighter(double a, double b) {
  if (a <= 0 || b <= 0) return std::max(a, b);
  return std::min(a, b);
}

// Version 2: "cpu.max" holds "max 100000" or "150000 100000".
double quota_v2(const std::string& folder) {
  double quota = 0, period = 0;
  if (std::sscanf(read_text(folder + "/cpu.max").c_str(), "%lf %lf", &quota, &period) != 2) return 0;
  return quota > 0 && period > 0 ? quota / period : 0;
}

// Version 1: cpu.cfs_quota_us is -1 without a quota.
double quota_v1(const std::string& folder) {
  double quota = std::atof(read_text(folder + "/cpu.cfs_quota_us").c_str());
  double period = std::atof(read_text(folder + "/cpu.cfs_period_us").c_str());
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The tightest quota from `path` up to the mount's root. In a container the path may be the host's
// and missing below the mount; the ancestors that exist still count.
double walk(const std::string& mount, std::string path, double (*quota)(const std::string&)) {
  double tightest = 0;
  while (path.size() > 1) {
    tightest = tighter(tightest, quota(mount + path));
    path.erase(path.rfind('/'));
  }
  return tighter(tightest, quota(mount));
}

bool names_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

int32_t affinity_count() {
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(static_cast<size_t>(cpus)),
                                                         [](cpu_set_t* s) { CPU_FREE(s); });
    if (!set) break;
    size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(cpus));
    if (sched_getaffinity(0, bytes, set.get()) == 0) return CPU_COUNT_S(bytes, set.get());
  }
  return static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace

double cgroup_cpus(const char* root) {
  const std::string base = std::string(root) + "/sys/fs/cgroup";
  const std::string groups = read_text(std::string(root) + "/proc/self/cgroup");
  double tightest = 0;
  for (size_t at = 0; at < groups.size();) {
    size_t end = std::min(groups.find('\n', at), groups.size());
    std::string line = groups.substr(at, end - at);  // "4:cpu,cpuacct:/path" or "0::/path"
    at = end + 1;
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) tightest = tighter(tightest, walk(base, path, quota_v2));
    if (!names_cpu(controllers)) continue;
    tightest = tighter(tightest, walk(base + "/" + controllers, path, quota_v1));
    tightest = tighter(tightest, walk(base + "/cpu", path, quota_v1));
  }
  return tightest;
}

int32_t cpu_count() {
  int32_t count = std::max(affinity_count(), 1);
  double quota = cgroup_cpus("");
  if (quota > 0) count = std::min(count, static_cast<int32_t>(std::ceil(std::min(quota, 1e6))));
  return std::max(count, 1);
}

}  // namespace spar
