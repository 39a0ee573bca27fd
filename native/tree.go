package native

import "errors"

// node is a handle's place in the tree context > model > batch, optimizer, sampler. It is touched
// only on the context's worker.
type node struct {
	parent   *node
	children []*node // in order of opening
	free     func() error
	closed   bool
}

func (n *node) add(free func() error) *node {
	child := &node{parent: n, free: free}
	n.children = append(n.children, child)
	return child
}

// close closes the descendants, last opened first, then the node. A failure leaves what could not
// be closed open.
func (n *node) close() error {
	if n.closed {
		return ErrClosed
	}
	var errs []error
	for i := len(n.children) - 1; i >= 0; i-- {
		errs = append(errs, n.children[i].close())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := n.free(); err != nil {
		return err
	}
	n.closed = true
	if n.parent != nil {
		n.parent.remove(n)
	}
	return nil
}

func (n *node) remove(child *node) {
	for i, c := range n.children {
		if c == child {
			n.children = append(n.children[:i], n.children[i+1:]...)
			return
		}
	}
}
