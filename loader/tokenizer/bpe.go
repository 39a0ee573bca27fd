package tokenizer

// join is what a pair of symbols becomes: its rank orders the merges.
type join struct{ rank, id int32 }

// model is byte-level byte-pair encoding: the words' bytes are the first symbols, and pairs are joined lowest rank first.
type model struct {
	symbol       [256]int32      // id of each byte's own token, -1 where the vocabulary lacks it
	joins        map[uint64]join // by left id << 32 | right id
	words        map[string]int32
	unknown      int32 // takes the place of a missing byte; -1: the byte is dropped
	fuseUnknown  bool
	ignoreMerges bool // a word that is a token is taken whole; words is then filled
}

func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// piece is a symbol in a doubly linked list over one slice; id -1 marks one that was joined into its left neighbour.
type piece struct{ id, previous, next int32 }

// candidate is a pair that may be joined. It is stale when the pair at its position has changed since.
type candidate struct{ rank, at, id int32 }

func (c candidate) less(d candidate) bool { return c.rank < d.rank || c.rank == d.rank && c.at < d.at }

// workspace is the scratch memory of one Encode.
type workspace struct {
	pieces []piece
	heap   []candidate
	parts  []string
	spare  []string
}

// encode appends the ids of one word.
func (m *model) encode(dst []int32, word string, w *workspace) []int32 {
	if m.ignoreMerges {
		if id, ok := m.words[word]; ok {
			return append(dst, id)
		}
	}
	m.load(word, w)
	for i := 0; i+1 < len(w.pieces); i++ {
		m.propose(w, int32(i))
	}
	for len(w.heap) > 0 {
		m.apply(w, w.pop())
	}
	for _, p := range w.pieces {
		if p.id >= 0 {
			dst = append(dst, p.id)
		}
	}
	return dst
}

// load makes the pieces of a word's bytes.
func (m *model) load(word string, w *workspace) {
	w.pieces = w.pieces[:0]
	unknownBefore := false
	for i := 0; i < len(word); i++ {
		id := m.symbol[word[i]]
		missing := id < 0
		if missing {
			if m.unknown < 0 || m.fuseUnknown && unknownBefore {
				continue
			}
			id = m.unknown
		}
		unknownBefore = missing
		n := int32(len(w.pieces))
		w.pieces = append(w.pieces, piece{id, n - 1, n + 1})
	}
	if n := len(w.pieces); n > 0 {
		w.pieces[n-1].next = -1
	}
}

// propose puts the pair that starts at i on the heap when it can be joined.
func (m *model) propose(w *workspace, i int32) {
	left := w.pieces[i]
	if left.next < 0 {
		return
	}
	if j, ok := m.joins[pairKey(left.id, w.pieces[left.next].id)]; ok {
		w.push(candidate{j.rank, i, j.id})
	}
}

// apply joins a candidate, unless the pair it was made for is gone.
func (m *model) apply(w *workspace, c candidate) {
	left := &w.pieces[c.at]
	if left.id < 0 || left.next < 0 {
		return
	}
	right := &w.pieces[left.next]
	// Like the reference, a stale candidate still counts when the pair now there joins to the same token.
	if j, ok := m.joins[pairKey(left.id, right.id)]; !ok || j.id != c.id {
		return
	}
	left.id, right.id = c.id, -1
	left.next = right.next
	if left.next >= 0 {
		w.pieces[left.next].previous = c.at
	}
	if left.previous >= 0 {
		m.propose(w, left.previous)
	}
	m.propose(w, c.at)
}

func (w *workspace) push(c candidate) {
	w.heap = append(w.heap, c)
	i := len(w.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !c.less(w.heap[parent]) {
			break
		}
		w.heap[i] = w.heap[parent]
		i = parent
	}
	w.heap[i] = c
}

func (w *workspace) pop() candidate {
	top := w.heap[0]
	n := len(w.heap) - 1
	c := w.heap[n]
	w.heap = w.heap[:n]
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && w.heap[child+1].less(w.heap[child]) {
			child++
		}
		if !w.heap[child].less(c) {
			break
		}
		w.heap[i] = w.heap[child]
		i = child
	}
	if n > 0 {
		w.heap[i] = c
	}
	return top
}
