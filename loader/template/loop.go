package template

import "fmt"

// loopState is the variable loop.
type loopState struct {
	items   []value
	at      int
	changed []value // of the last call of changed()
	called  bool
}

func (l *loopState) field(name string) (value, error) {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.at + 1), nil
	case "index0":
		return int64(l.at), nil
	case "revindex":
		return int64(n - l.at), nil
	case "revindex0":
		return int64(n - l.at - 1), nil
	case "first":
		return l.at == 0, nil
	case "last":
		return l.at == n-1, nil
	case "length":
		return int64(n), nil
	case "depth":
		return int64(1), nil // depth of recursion, and recursive loops are not supported
	case "depth0":
		return int64(0), nil
	case "previtem":
		if l.at == 0 {
			return undefined{"there is no previous item"}, nil
		}
		return l.items[l.at-1], nil
	case "nextitem":
		if l.at == n-1 {
			return undefined{"there is no next item"}, nil
		}
		return l.items[l.at+1], nil
	case "cycle":
		return &callable{"cycle", l.cycle}, nil
	case "changed":
		return &callable{"changed", l.hasChanged}, nil
	}
	return nil, fmt.Errorf("loop.%s is not supported", shorten(name))
}

func (l *loopState) cycle(_ *machine, a arguments) (value, error) {
	if len(a.pos) == 0 || len(a.named) > 0 {
		return nil, fmt.Errorf("loop.cycle needs values to go through")
	}
	return a.pos[l.at%len(a.pos)], nil
}

func (l *loopState) hasChanged(_ *machine, a arguments) (value, error) {
	same := l.called && equal(&list{items: l.changed}, &list{items: a.pos})
	l.changed, l.called = a.pos, true
	return !same, nil
}
