package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// stepped is a line whose clock moves by a second with every look.
func stepped(w *bytes.Buffer, terminal bool, total, done int) *Line {
	l := Start(w, terminal, "update", total, done, "steps")
	clock := l.started
	l.now = func() time.Time { clock = clock.Add(time.Second); return clock }
	return l
}

func TestPlainLines(t *testing.T) {
	var b bytes.Buffer
	l := stepped(&b, false, 100, 40)
	for i := 41; i <= 70; i++ {
		l.Tokens(10)
		l.Set(i, "loss 0.5")
	}
	l.Done("loss 0.4")
	got := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(got) < 2 || len(got) > 8 || strings.Contains(b.String(), "\r") {
		t.Fatalf("want a few plain lines, got %q", b.String())
	}
	if !strings.Contains(got[0], "/s, ") || !strings.Contains(got[0], " left, loss 0.5") {
		t.Errorf("the line %q lacks rate, time left or note", got[0])
	}
	if last := got[len(got)-1]; !strings.HasPrefix(last, "update: 41 to 70 of 100 steps in ") || !strings.HasSuffix(last, " tokens/s, loss 0.4") {
		t.Errorf("last line %q", last)
	}
}

func TestTerminalLine(t *testing.T) {
	var b bytes.Buffer
	l := stepped(&b, true, 10, 0)
	l.Set(1, "a long note that is then replaced by a short one")
	l.Set(2, "")
	l.Done("")
	if strings.Count(b.String(), "\n") != 1 || strings.Count(b.String(), "\r") != 4 {
		t.Errorf("want one rewritten line, got %q", b.String())
	}
}

// TestUnfinished leaves a task on a terminal: what is printed next must begin a line.
func TestUnfinished(t *testing.T) {
	var b bytes.Buffer
	l := stepped(&b, true, 10, 0)
	l.Set(1, "")
	l.Close()
	l.Close()
	if !strings.HasSuffix(b.String(), " \r") || strings.Count(b.String(), "\r") != 3 {
		t.Errorf("the line is not cleared once: %q", b.String())
	}
}

func TestSilent(t *testing.T) {
	l := Start(nil, true, "x", 1, 0, "")
	l.Set(1, "")
	l.Done("")
}
