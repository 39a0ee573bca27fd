package ledger

import (
	"encoding/binary"
	"testing"

	"spar/internal/rng"
)

// hashed is a key that costs nothing to make, for timing the table alone.
func hashed(i int) Key {
	x := rng.Philox(1, [4]uint32{uint32(i), uint32(i >> 32)})
	var b [16]byte
	for j, w := range x {
		binary.LittleEndian.PutUint32(b[4*j:], w)
	}
	return keyFrom(b[:])
}

// BenchmarkTenMillion prints what ten million tasks take, in memory and on disk, and what one lookup takes among them.
//
//	go test -run '^$' -bench TenMillion ./trainer/learn/ledger
func BenchmarkTenMillion(b *testing.B) {
	const n = 10_000_000
	l, err := New(DefaultParams())
	must(b, err)
	for i := range n {
		must(b, l.Observe(hashed(i), 0, 3, 8))
	}
	order := make([]Key, 1<<20)
	r := rng.NewStream(2)
	for i := range order {
		order[i] = hashed(r.IntN(n))
	}
	b.Run("lookup", func(b *testing.B) {
		for i := range b.N {
			if _, seen := l.Lookup(order[i%len(order)]); !seen {
				b.Fatal("a task is gone")
			}
		}
		b.ReportMetric(float64(l.Bytes())/n, "memory-B/task")
		b.ReportMetric(float64(headerBytes+recordBytes*n)/n, "file-B/task")
	})
	b.Run("observe", func(b *testing.B) {
		for i := range b.N {
			must(b, l.Observe(order[i%len(order)], 1, 3, 8))
		}
	})
}
