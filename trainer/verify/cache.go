package verify

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
)

// cached remembers outcomes by the content of items. Timeouts, crashes and lack of memory are not remembered: they may
// pass. An item that stands several times in a batch is judged once.
type cached struct {
	Verifier
	entries int

	mu     sync.Mutex
	known  map[digest]*list.Element // of entry
	recent *list.List               // the front was used last
}

type digest [sha256.Size]byte

type entry struct {
	key     digest
	outcome Outcome
}

// Cached puts a memory of at most that many outcomes, the ones used last, before v. A remembered outcome has
// Took 0.
func Cached(v Verifier, entries int) Verifier {
	return &cached{Verifier: v, entries: entries, known: map[digest]*list.Element{}, recent: list.New()}
}

// uncached is what stands behind a cache, or v itself.
func uncached(v Verifier) Verifier {
	if c, ok := v.(*cached); ok {
		return c.Verifier
	}
	return v
}

// hash is over all fields of an item, with their lengths.
func (it Item) hash() digest {
	h := sha256.New()
	var number [8]byte
	write := func(s string) {
		binary.LittleEndian.PutUint64(number[:], uint64(len(s)))
		h.Write(number[:])
		h.Write([]byte(s))
	}
	for _, s := range []string{it.Problem, it.Response, it.Answer, it.Tests} {
		write(s)
	}
	for _, s := range it.Steps {
		write(s.Text)
		bits := uint64(math.MaxUint64) // no score; this is the pattern of a NaN
		if s.Score != nil {
			bits = math.Float64bits(*s.Score)
		}
		binary.LittleEndian.PutUint64(number[:], bits)
		h.Write(number[:])
	}
	return digest(h.Sum(nil))
}

func (c *cached) Verify(ctx context.Context, batch []Item) ([]Outcome, error) {
	out := make([]Outcome, len(batch))
	keys := make([]digest, len(batch))
	place := map[digest]int{} // in asked
	var asked []Item
	for i, it := range batch {
		keys[i] = it.hash()
		if o, ok := c.get(keys[i]); ok {
			out[i] = o
		} else if _, waiting := place[keys[i]]; !waiting {
			place[keys[i]] = len(asked)
			asked = append(asked, it)
		}
	}
	if len(asked) == 0 {
		return out, nil
	}
	found, err := c.Verifier.Verify(ctx, asked)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		if k, ok := place[key]; ok {
			out[i] = found[k]
			c.put(key, found[k])
		}
	}
	return out, nil
}

func (c *cached) get(key digest) (Outcome, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[key]
	if !ok {
		return Outcome{}, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(entry).outcome, true
}

func (c *cached) put(key digest, o Outcome) {
	if o.Verdict == Timeout || o.Verdict == Crash || o.Verdict == OOM {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[key]; ok {
		return
	}
	o.Took = 0
	c.known[key] = c.recent.PushFront(entry{key, o})
	if c.recent.Len() > c.entries {
		oldest := c.recent.Back()
		delete(c.known, oldest.Value.(entry).key)
		c.recent.Remove(oldest)
	}
}
