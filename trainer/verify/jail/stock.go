package jail

import (
	"runtime"
	"sync"
)

// kind of process. A process never changes its role: what has held a program never gets to see tests.
type kind struct {
	language string
	judge    bool
	tool     *Tool // nil: programs of the language
}

// native says whether its processes are replaced by another program; such a one serves once.
func (k kind) native() bool { return k.language != "starlark" }

// stock keeps processes of one kind warm: as many as there are workers, counting those at work, and for a language
// whose processes serve once, as many again that start meanwhile.
type stock struct {
	start  func() (*process, error)
	reuse  bool
	room   chan struct{} // a token for every process there may be
	ready  chan started
	quit   chan struct{}
	filler sync.WaitGroup
}

type started struct {
	process *process
	err     error
}

func newStock(size int, reuse bool, quit chan struct{}, start func() (*process, error)) *stock {
	s := &stock{start: start, reuse: reuse, room: make(chan struct{}, size), ready: make(chan started, size), quit: quit}
	s.filler.Add(1)
	go s.fill()
	return s
}

// fill starts processes while there is room. It keeps its thread, for a child dies with the thread that started it.
func (s *stock) fill() {
	defer s.filler.Done()
	runtime.LockOSThread()
	for {
		select {
		case s.room <- struct{}{}:
		case <-s.quit:
			return
		}
		p, err := s.start()
		s.ready <- started{p, err}
	}
}

// take waits for a process.
func (s *stock) take() (*process, error) {
	select {
	case next := <-s.ready:
		if next.err != nil {
			<-s.room
		}
		return next.process, next.err
	case <-s.quit:
		return nil, errClosed
	}
}

// give returns a process; one that is clean is kept if its kind can serve again. It says what was printed.
func (s *stock) give(p *process, clean bool) (printed string) {
	select {
	case <-s.quit:
		clean = false
	default:
	}
	if clean && s.reuse {
		printed = p.printed.text()
		p.printed.reset()
		s.ready <- started{process: p}
		return printed
	}
	p.kill()
	<-s.room
	return p.printed.text()
}

// close waits for the filler and ends what is left; processes at work end when they are given back.
func (s *stock) close() {
	s.filler.Wait()
	for {
		select {
		case next := <-s.ready:
			if next.process != nil {
				next.process.kill()
			}
			<-s.room
		default:
			return
		}
	}
}
