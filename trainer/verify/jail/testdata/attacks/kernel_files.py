# Writes to the kernel's files and makes device nodes.
import os, stat
def f(n):
    for path in ("/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj", "/proc/self/uid_map", "/sys/fs/cgroup/cgroup.procs", "/sys/kernel/mm/ksm/run", "/dev/mem", "/dev/nvidia0"):
        try: os.write(os.open(path, os.O_RDWR), b"0")
        except OSError: pass
    for name in ("disk", "@CANARY@/disk"):
        try: os.mknod(name, stat.S_IFBLK | 0o600, os.makedev(8, 0))
        except OSError: pass
    return 1
