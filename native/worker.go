package native

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// worker is one goroutine, locked to its OS thread, that runs jobs in the order they arrive.
// The last job returns stop = true; jobs offered later get ErrClosed.
type worker struct {
	jobs    chan job
	stopped chan struct{}
}

type job struct {
	run   func() (stop bool, err error)
	reply chan error
}

func startWorker() *worker {
	w := &worker{jobs: make(chan job), stopped: make(chan struct{})}
	go w.loop()
	return w
}

// loop never unlocks the thread, so the thread ends with the goroutine.
func (w *worker) loop() {
	runtime.LockOSThread()
	defer close(w.stopped)
	for j := range w.jobs {
		stop, err := runJob(j.run)
		j.reply <- err
		if stop {
			return
		}
	}
}

// runJob turns a panic into an error with its stack: a bug in this package must not take down the
// process from a goroutine that no caller can recover in.
func runJob(run func() (bool, error)) (stop bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			stop, err = false, fmt.Errorf("native: bug: %v\n%s", r, debug.Stack())
		}
	}()
	return run()
}

// do runs f on the worker and waits for it.
func (w *worker) do(f func() error) error {
	return w.submit(func() (bool, error) { return false, f() })
}

// submit hands a job over. The channel has no buffer, so a job is either run or refused.
func (w *worker) submit(run func() (bool, error)) error {
	j := job{run, make(chan error, 1)}
	select {
	case w.jobs <- j:
		return <-j.reply
	case <-w.stopped:
		return ErrClosed
	}
}
