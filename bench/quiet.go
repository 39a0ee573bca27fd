package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	quietShare  = 0.05                   // others may use this share of all CPU time
	quietWindow = 250 * time.Millisecond // over which it is looked at
)

// await waits until the other processes leave the CPUs alone, at most limit, and records what it
// saw. This process sleeps meanwhile, so what is busy is the others. waiting is told once when there is a wait; it may be nil.
func (r *Result) await(ctx context.Context, limit time.Duration, waiting func(busy float64)) error {
	start := time.Now()
	for {
		busy, err := othersBusy(ctx)
		if err != nil {
			return err
		}
		r.OthersBusy, r.WaitedS, r.Quiet = busy, time.Since(start).Seconds(), busy <= quietShare
		if r.Quiet || time.Since(start) >= limit {
			return nil
		}
		if waiting != nil {
			waiting(busy)
			waiting = nil
		}
	}
}

// othersBusy is the share of CPU time that was not idle during a short sleep.
func othersBusy(ctx context.Context) (float64, error) {
	before, err := readStat("/proc/stat")
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(quietWindow):
	}
	after, err := readStat("/proc/stat")
	if err != nil {
		return 0, err
	}
	return after.busySince(before), nil
}

// cpuTimes are ticks of all CPUs together since boot.
type cpuTimes struct{ total, idle uint64 }

func (t cpuTimes) busySince(before cpuTimes) float64 {
	total := t.total - before.total
	if total == 0 {
		return 0
	}
	return 1 - float64(t.idle-before.idle)/float64(total)
}

// readStat reads the line "cpu user nice system idle iowait irq softirq steal guest guest_nice".
// Guest time is part of user time; time stolen by other machines counts as busy.
func readStat(file string) (t cpuTimes, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return t, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	words := strings.Fields(line)
	if len(words) < 9 || words[0] != "cpu" {
		return t, fmt.Errorf("%s: the first line is %q, not the CPU times", file, line)
	}
	for i, word := range words[1:9] {
		ticks, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			return t, fmt.Errorf("%s: %w", file, err)
		}
		t.total += ticks
		if i == 3 || i == 4 {
			t.idle += ticks
		}
	}
	return t, nil
}

// peakRSS is the largest resident size of this process so far, in 2^20 bytes.
func peakRSS() (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "VmHWM:" {
			kib, err := strconv.ParseFloat(words[1], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no line VmHWM")
}
