// How many CPUs this process may keep busy.
#pragma once
#include <cstdint>

namespace spar {

// The smaller of the affinity mask and the CPU quotas of the process's control groups (versions 1
// and 2, every ancestor), rounded up; at least 1.
int32_t cpu_count();

// The quota part, in CPUs, with files read under `root` ("" on a running system); 0: no quota.
double cgroup_cpus(const char* root);

}  // namespace spar
