package supervise

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// outOfMemoryKills counts the processes of this control group that the kernel killed for memory: the field oom_kill of
// cgroup v2's memory.events or of v1's memory.oom_control. 0 when neither can be read.
func outOfMemoryKills() int64 {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	return countKills("/sys/fs/cgroup", string(groups))
}

// countKills reads the counter of the first group in the text of /proc/self/cgroup that has one. Inside a container
// the path in that text may not exist below root; root itself is then the container's group.
func countKills(root, groups string) int64 {
	for _, entry := range strings.Split(groups, "\n") {
		fields := strings.SplitN(entry, ":", 3)
		if len(fields) != 3 {
			continue
		}
		files := []string{}
		switch {
		case fields[1] == "":
			files = []string{filepath.Join(root, fields[2], "memory.events"), filepath.Join(root, "memory.events")}
		case fields[1] == "memory":
			files = []string{filepath.Join(root, "memory", fields[2], "memory.oom_control"), filepath.Join(root, "memory", "memory.oom_control")}
		}
		for _, name := range files {
			if n, ok := oomKillField(name); ok {
				return n
			}
		}
	}
	return 0
}

func oomKillField(name string) (int64, bool) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	for _, row := range strings.Split(string(data), "\n") {
		if value, ok := strings.CutPrefix(row, "oom_kill "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
