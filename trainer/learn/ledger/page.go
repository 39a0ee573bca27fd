package ledger

// A page is an open-addressing table of pageSlots records, linearly probed and never more than pageFull full. When a page
// would pass that, it is split in two by the next bit of its keys' places, so that growth moves one page at a time and leaves
// no garbage behind (extendible hashing; Fagin et al., ACM TODS 4(3), 1979).
const (
	pageSlots = 4096
	pageFull  = pageSlots * 85 / 100
	maxDepth  = 20 // bits of a place that may choose a page: 2^20 pages are more than a machine holds
)

// record is a task as the table holds it: 32 bytes.
type record struct {
	key       Key
	successes float32 // discounted to iteration last
	failures  float32
	trials    uint32 // ever, saturating
	last      uint32 // 1 + the last iteration that observed it; 0: the slot is free
}

type page struct {
	slots *[pageSlots]record
	used  int
	depth uint // leading bits of place that all of the page's keys share
}

func newPage(depth uint) *page { return &page{slots: new([pageSlots]record), depth: depth} }

// find returns the slot of key, or the free one where it belongs.
func (p *page) find(key Key, place uint64) *record {
	for i := place % pageSlots; ; i = (i + 1) % pageSlots {
		if s := &p.slots[i]; s.last == 0 || s.key == key {
			return s
		}
	}
}

// split keeps the keys whose next bit is 0 and returns a page with the others. scratch holds the records meanwhile.
func (p *page) split(scratch []record) *page {
	all := p.records(scratch)
	clear(p.slots[:])
	p.used, p.depth = 0, p.depth+1
	right := newPage(p.depth)
	for _, r := range all {
		to, place := p, r.key.place()
		if place>>(64-p.depth)&1 == 1 {
			to = right
		}
		*to.find(r.key, place) = r
		to.used++
	}
	return right
}

// records are the page's in scratch, in no order.
func (p *page) records(scratch []record) []record {
	out := scratch[:0]
	for i := range p.slots {
		if p.slots[i].last != 0 {
			out = append(out, p.slots[i])
		}
	}
	return out
}
