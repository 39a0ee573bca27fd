package verify

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func shell(script string) Spec {
	return Spec{Name: "command", Command: []string{"sh", "-c", script}, Timeout: 5 * time.Second}
}

func TestCommandVerdicts(t *testing.T) {
	for _, c := range []struct{ script, verdict, detail string }{
		{`cat >/dev/null; echo '{"verdict":"pass"}'`, "pass", ""},
		{`echo '{"verdict":"fail","detail":"no","extracted":"7"}'`, "fail", "no"},
		{`echo '{"score":0.75}'`, "pass", ""},
		{`echo '{"score":0.25}'`, "fail", ""},
		{`grep -q '"response":"forty"' && echo '{"score":1}'`, "pass", ""},
		{`exit 3`, "crash", "exit status 3"},
		{`echo broken >&2; exit 1`, "crash", "broken"},
		{`kill -SEGV $$`, "crash", "segmentation fault"},
		{`kill -KILL $$`, "oom", "killed"},
		{`echo hello`, "crash", "no verdict"},
		{`echo '{"score":1}{"score":1}'`, "crash", "more than one"},
		{`echo '{"score":7}'`, "crash", "outside"},
		{`echo '{"score":null}'`, "crash", "neither"},
		{`echo '{"verdict":"maybe"}'`, "crash", "no verdict"},
		{`printf ''`, "crash", "no verdict"},
		{`head -c 100 /dev/urandom`, "crash", "no verdict"},
		{`yes`, "crash", "more than 1 MiB"},
		{`yes >&2`, "timeout", "longer than"},
		{`sleep 600`, "timeout", "longer than"},
		{`trap '' TERM INT; while true; do sleep 1; done`, "timeout", "longer than"},
	} {
		s := shell(c.script)
		if c.verdict == "timeout" {
			s.Timeout = 200 * time.Millisecond
		}
		start := time.Now()
		o := judge(t, opened(t, s, Options{}), Item{Response: "forty", Answer: "40"})[0]
		if o.Verdict.String() != c.verdict || !strings.Contains(o.Detail, c.detail) {
			t.Errorf("%s: %v (%s), want %s (%s)", c.script, o.Verdict, o.Detail, c.verdict, c.detail)
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("%s took %v", c.script, took)
		}
	}
}

// What the program starts ends with it, and cannot hold up the next item.
func TestCommandLeavesNothing(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "alive")
	v := opened(t, shell(`(sleep 2; touch `+mark+`) & echo '{"score":1}'`), Options{})
	if o := judge(t, v, Item{Response: "a"})[0]; o.Verdict != Pass && o.Verdict != Timeout {
		t.Errorf("%v: %s", o.Verdict, o.Detail)
	}
	time.Sleep(2500 * time.Millisecond)
	if _, err := os.Stat(mark); err == nil {
		t.Error("a descendant of the program outlived it")
	}
}

// eater makes this test program use memory without end.
const eater = "--eat-memory"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == eater {
		for all := [][]byte{}; ; all = append(all, make([]byte, 16<<20)) {
		}
	}
	os.Exit(m.Run())
}

func TestCommandMemory(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := Spec{Name: "command", Command: []string{self, eater}, MemoryMB: 256}
	if o := judge(t, opened(t, s, Options{}), Item{Response: "a"})[0]; o.Verdict != OOM {
		t.Errorf("%v: %s", o.Verdict, o.Detail)
	}
}

func TestCommandStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := opened(t, shell(`sleep 600`), Options{}).Verify(ctx, make([]Item, 8))
	if err == nil || time.Since(start) > 4*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}
