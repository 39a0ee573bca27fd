// Package progress reports how far long work has come: one rewriting line with rate and time left on a terminal, a plain
// line now and then otherwise.
//
//	l := progress.Start(os.Stderr, terminal, "sampling", 300, "prompts")
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
		text += fmt.Sprintf(", %.3g/s, %s left", rate, left.Round(time.Second))
	}
	if note != "" {
		text += ", " + note
	}
	return text
}

// Done ends the task with a final plain line.
func (l *Line) Done(note string) {
	if l.w == nil {
		return
	}
	took := l.now().Sub(l.started)
	text := fmt.Sprintf("%s: %d %s in %.1f s", l.label, l.done, l.unit, took.Seconds())
	if note != "" {
		text += ", " + note
	}
	if l.terminal {
		fmt.Fprintf(l.w, "\r%s\r", strings.Repeat(" ", l.width))
	}
	fmt.Fprintln(l.w, text)
}
