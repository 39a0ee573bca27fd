package shard

import (
	"path/filepath"
	"testing"

	"spar/internal/fsys"
	"spar/internal/rng"
)

// typical are records of 256 prompt and 512 response ids, as a training run stores them.
func typical(n int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Group: i, Prompt: make([]int32, 256), Response: make([]int32, 512), Logp: make([]float32, 512), Mask: make([]byte, 512)}
		for k := range records[i].Response {
			records[i].Response[k] = int32((i + k) % 40000)
		}
	}
	return records
}

// Random reads of a file in the page cache, every record's checksum verified.
func BenchmarkHotRandomRead(b *testing.B) {
	at := filepath.Join(b.TempDir(), name)
	const n = 4096
	write(b, fsys.OS, at, testHeader(49152), Options{}, typical(n))
	r, err := Open(fsys.OS, at)
	must(b, err)
	defer r.Close()
	order := rng.NewStream(1).Perm(n)
	var rec Record
	for _, i := range order { // verify every block, as a first epoch does
		must(b, r.Read(i, &rec))
	}
	b.SetBytes(r.Stats().Bytes / n)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := r.Read(order[i%n], &rec); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkAppend(b *testing.B) {
	w, err := Create(fsys.OS, filepath.Join(b.TempDir(), name), testHeader(49152), Options{})
	must(b, err)
	records := typical(64)
	b.SetBytes(3904)
	b.ResetTimer()
	for i := range b.N {
		must(b, w.Append(&records[i%64]))
	}
	must(b, w.Sync())
	must(b, w.Close())
}
