// Package progress reports how far long work has come: one rewriting line with rate and time left on a terminal, a plain
// line now and then otherwise.
//
//	l := progress.Start(os.Stderr, terminal, "iteration 0, sample", 300, 0, "responses")
//	defer l.Close()
//	l.Tokens(640)
//	l.Set(12, "")
//	l.Done("")
//
// A Line belongs to one goroutine.
package progress

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// How often a line is renewed.
const (
	terminalEvery = 200 * time.Millisecond
	plainEvery    = 10 * time.Second
)

// Line is one running task.
type Line struct {
	w        io.Writer
	terminal bool
	label    string
	unit     string
	total    int
	offset   int // done before this process
	done     int
	tokens   int64
	width    int
	started  time.Time
	shown    time.Time
	now      func() time.Time
}

// Start begins a task of total units; done units were finished earlier and do not count for the rate. A nil writer shows nothing.
func Start(w io.Writer, terminal bool, label string, total, done int, unit string) *Line {
	l := &Line{w: w, terminal: terminal, label: label, total: total, offset: done, done: done, unit: unit, now: time.Now}
	l.started = l.now()
	l.shown = l.started
	return l
}

// Set says how many units are done, with a short note such as the loss.
func (l *Line) Set(done int, note string) {
	l.done = done
	every := plainEvery
	if l.terminal {
		every = terminalEvery
	}
	if l.w == nil || l.now().Sub(l.shown) < every {
		return
	}
	l.shown = l.now()
	l.print(note)
}

// Tokens counts n more tokens, for their rate.
func (l *Line) Tokens(n int64) { l.tokens += n }

func (l *Line) print(note string) {
	text := l.text(note)
	if !l.terminal {
		fmt.Fprintln(l.w, text)
		return
	}
	fmt.Fprintf(l.w, "\r%s%s", text, strings.Repeat(" ", max(0, l.width-len(text))))
	l.width = len(text)
}

func (l *Line) text(note string) string {
	seconds := l.now().Sub(l.started).Seconds()
	text := fmt.Sprintf("%s %d/%d %s", l.label, l.done, l.total, l.unit)
	if fresh := l.done - l.offset; fresh > 0 && seconds > 0 {
		rate := float64(fresh) / seconds
		left := time.Duration(float64(l.total-l.done) / rate * float64(time.Second))
		text += fmt.Sprintf(", %.3g/s, %s%s left", rate, l.tokenRate(seconds), left.Round(time.Second))
	}
	if note != "" {
		text += ", " + note
	}
	return text
}

// tokenRate is empty when no tokens are counted.
func (l *Line) tokenRate(seconds float64) string {
	if l.tokens == 0 || seconds <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f tokens/s, ", float64(l.tokens)/seconds)
}

// Close clears the rewriting line of a task that did not come to its end, so that what follows begins a line.
func (l *Line) Close() {
	if l.w != nil && l.width > 0 {
		fmt.Fprintf(l.w, "\r%s\r", strings.Repeat(" ", l.width))
		l.width = 0
	}
}

// Done ends the task with a final plain line.
func (l *Line) Done(note string) {
	if l.w == nil {
		return
	}
	seconds := l.now().Sub(l.started).Seconds()
	text := fmt.Sprintf("%s: %d %s in %s", l.label, l.done, l.unit, duration(seconds))
	if l.done < l.total || l.offset > 0 {
		text = fmt.Sprintf("%s: %d to %d of %d %s in %s", l.label, l.offset+1, l.done, l.total, l.unit, duration(seconds))
	}
	if rate := l.tokenRate(seconds); rate != "" {
		text += ", " + strings.TrimSuffix(rate, ", ")
	}
	if note != "" {
		text += ", " + note
	}
	l.Close()
	fmt.Fprintln(l.w, text)
}

// duration shows three digits of a short time.
func duration(seconds float64) string {
	if seconds < 100 {
		return fmt.Sprintf("%.3g s", seconds)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
