package pack

// Fill writes the batch of all of gs and returns how many rows and segments it took. The arrays must
// hold what Need says. Positions of a response go on where its prompt ends.
func Fill(gs []Group, a Arrays) (rows, segments int) {
	w := writer{a: a}
	for _, g := range gs {
		w.group(g)
	}
	return w.row, w.segment
}

// writer is Fill's place in the arrays.
type writer struct {
	a            Arrays
	row, segment int
}

func (w *writer) group(g Group) {
	if Targets(g) == 0 {
		return
	}
	last := len(g.Prompt) - 1
	prefix := int32(NoPrefix)
	if last > 0 {
		prefix = w.open(last, NoPrefix)
		for i, id := range g.Prompt[:last] {
			w.put(id, i, NoTarget)
		}
	}
	for _, r := range g.Responses {
		if len(r) == 0 {
			continue
		}
		w.open(len(r), prefix)
		for i, target := range r {
			id := g.Prompt[last]
			if i > 0 {
				id = r[i-1]
			}
			w.put(id, last+i, target)
		}
	}
}

func (w *writer) open(rows int, prefix int32) int32 {
	w.a.Segment[w.segment] = Segment{FirstRow: int32(w.row), NumRows: int32(rows), Prefix: prefix}
	w.segment++
	return int32(w.segment - 1)
}

func (w *writer) put(id int32, position int, target int32) {
	w.a.Token[w.row] = id
	w.a.Position[w.row] = int32(position)
	w.a.Target[w.row] = target
	w.row++
}

// Index gives, for each group of a batch laid out by Fill and each of its responses, the rows that
// hold the scores of that response's ids. An empty response has a span of no rows.
func Index(gs []Group) [][]Span {
	spans := make([][]Span, len(gs))
	row := 0
	for i, g := range gs {
		spans[i] = make([]Span, len(g.Responses))
		if Targets(g) == 0 {
			for j := range spans[i] {
				spans[i][j].First = row
			}
			continue
		}
		row += len(g.Prompt) - 1
		for j, r := range g.Responses {
			spans[i][j] = Span{First: row, Count: len(r)}
			row += len(r)
		}
	}
	return spans
}
