package policy

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// Available is the number of bytes that this process may still allocate without swapping: the
// kernel's estimate for the machine, or what the control group leaves when that is less.
func Available() (int64, error) {
	machine, err := memAvailable("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return min(machine, groupLeft("/sys/fs/cgroup")), nil
}

func memAvailable(file string) (int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 3 && words[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(words[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no line MemAvailable", file)
}

// groupLeft is the limit of the control group (version 2 or 1) less what it uses; page cache that
// the kernel would drop counts as free. Without a limit it is the largest number.
func groupLeft(root string) int64 {
	for _, v := range []struct{ limit, used, cache string }{
		{"memory.max", "memory.current", "inactive_file"},
		{"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"},
	} {
		limit, ok := readInt(root + "/" + v.limit)
		if !ok {
			continue
		}
		used, _ := readInt(root + "/" + v.used)
		stat := strings.TrimSuffix(root+"/"+v.limit, "max")
		stat = strings.TrimSuffix(stat, "limit_in_bytes") + "stat"
		return max(limit-used+statValue(stat, v.cache), 0)
	}
	return math.MaxInt64
}

func readInt(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil // "max" is no limit
}

func statValue(file, key string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == key {
			n, _ := strconv.ParseInt(words[1], 10, 64)
			return n
		}
	}
	return 0
}
