package trainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"spar/internal/fault"
)

// Stopped says that a run ended early at the user's wish, after saving. The same command continues it.
type Stopped struct {
	Signal syscall.Signal // 0: the context ended for another reason
	Where  string
}

// Error says where the run stands.
func (s *Stopped) Error() string {
	return fmt.Sprintf("stopped by %s after saving; the same command continues the run", s.Where)
}

// ExitCode is the exit code of Run's error: 128 plus the signal's number after a stop, else the class's.
func ExitCode(err error) int {
	var s *Stopped
	if errors.As(err, &s) && s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return fault.ExitCode(err)
}

// sameSignal is how long after the first signal another one counts as the same wish: service managers and timeout(1) signal a
// process and its group, and a supervisor passes on what its worker may have got already.
const sameSignal = time.Second

// SignalContext returns a context that the first SIGINT or SIGTERM cancels, so that Run stops after the step in hand; another
// one, more than a second later, ends the process at once, which loses no more than the steps since the last checkpoint.
func SignalContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		var first time.Time
		for {
			select {
			case s := <-signals:
				number, _ := s.(syscall.Signal)
				if first.IsZero() {
					first = time.Now()
					cancel(&Stopped{Signal: number, Where: unix.SignalName(number)})
				} else if time.Since(first) > sameSignal {
					os.Exit(128 + int(number))
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// stopCause is nil while ctx is live, else the *Stopped that Run returns.
func stopCause(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	var s *Stopped
	if cause := context.Cause(ctx); errors.As(cause, &s) {
		return s
	}
	return &Stopped{Where: "its caller"}
}

// stopOr is the *Stopped of a finished ctx when err came from it, else err.
func stopOr(ctx context.Context, err error) error {
	var s *Stopped
	if err != nil && (errors.As(err, &s) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		if stop := stopCause(ctx); stop != nil {
			return stop
		}
	}
	return err
}
