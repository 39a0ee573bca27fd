package shard

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"spar/internal/fsys"
	"spar/internal/rng"
)

// session is a scripted life of a shard: two writers with syncs between, then the seal. acked is how many
// records it has been told are safe, sealed whether Seal has returned.
type session struct {
	records []Record
	acked   int
	started bool // Create returned
	sealed  bool
}

func (s *session) run(f fsys.FS) error {
	w, err := Create(f, name, testHeader(50), Options{BlockBytes: 700})
	if err != nil {
		return err
	}
	s.started = true
	for i := range s.records {
		if err := w.Append(&s.records[i]); err != nil {
			return errors.Join(err, w.Close())
		}
		if i%4 == 3 {
			if err := w.Sync(); err != nil {
				return errors.Join(err, w.Close())
			}
			s.acked = i + 1
		}
		if i == 8 { // a restart, with records that were not synced
			if err := w.Close(); err != nil {
				return err
			}
			var keys []Key
			if w, keys, err = Append(f, name, testHeader(50), Options{BlockBytes: 700}); err != nil {
				return err
			}
			for k := len(keys); k <= i; k++ {
				if err := w.Append(&s.records[k]); err != nil {
					return errors.Join(err, w.Close())
				}
			}
		}
	}
	if err := w.Seal(); err != nil {
		return err
	}
	s.sealed = true
	return nil
}

// broken says which promise does not hold for the file system after a crash.
func (s *session) broken(f fsys.FS) string {
	if _, err := f.Stat(name); err == nil {
		stats, err := Verify(f, name)
		if err != nil {
			return "the final name holds a bad file: " + err.Error()
		}
		if stats.Records != len(s.records) {
			return "the sealed file is not whole"
		}
		return ""
	}
	if s.sealed {
		return "the sealed file is gone"
	}
	w, keys, err := Append(f, name, testHeader(50), Options{BlockBytes: 700})
	if err != nil {
		return "it cannot be continued: " + err.Error()
	}
	if len(keys) < s.acked {
		return "acknowledged records are lost"
	}
	for i := range s.records {
		if i < len(keys) {
			if r := s.records[i]; keys[i] != (Key{r.Group, r.Sample}) {
				return "records are out of order"
			}
		} else if err := w.Append(&s.records[i]); err != nil {
			return err.Error()
		}
	}
	if err := w.Seal(); err != nil {
		return "it cannot be sealed: " + err.Error()
	}
	return (&session{records: s.records, sealed: true}).broken(f)
}

// sweep cuts the power before every operation, with several outcomes each, and counts broken promises. The
// operation numbered lying reports success without being done; -1 is none.
func sweep(t *testing.T, outcomes uint32, lying int) (points, bad int) {
	for at := 0; ; at++ {
		reached := false
		for outcome := range outcomes {
			mem := fsys.NewMemFS()
			s := &session{records: sampleRecords(14, 50)}
			var then session
			var after *fsys.MemFS
			must(t, s.run(fsys.NewFaulty(mem, func(op, _ string, n int) error {
				if n == at {
					reached = true
					then, after = *s, mem.Crash(rng.NewStream(uint64(at), outcome))
				}
				if n == lying {
					return fsys.ErrDropped
				}
				return nil
			})))
			if after == nil {
				then, after = *s, mem.Crash(rng.NewStream(uint64(at), outcome))
			}
			points++
			if why := then.broken(after); why != "" {
				if lying < 0 {
					t.Errorf("crash before operation %d, outcome %d: %s", at, outcome, why)
				}
				bad++
			}
		}
		if !reached {
			return points, bad
		}
	}
}

func TestPowerLossAtEveryOperation(t *testing.T) {
	points, _ := sweep(t, 70, -1)
	t.Logf("%d crash images", points)
	// Each sync is needed: leave out any one, and the sweep notices.
	syncs := map[int]string{}
	must(t, (&session{records: sampleRecords(14, 50)}).run(fsys.NewFaulty(fsys.NewMemFS(), func(op, _ string, n int) error {
		if op == "sync" || op == "syncdir" {
			syncs[n] = op
		}
		return nil
	})))
	if len(syncs) < 6 {
		t.Fatalf("only %d syncs", len(syncs))
	}
	for n, op := range syncs {
		if _, bad := sweep(t, 10, n); bad == 0 {
			t.Errorf("leaving out the %s that is operation %d goes unnoticed", op, n)
		}
	}
}

// Every operation fails in turn, once or from then on: no panic, nothing sealed is harmed, and the
// shard can be continued when the fault is gone.
func TestFaultAtEveryOperation(t *testing.T) {
	for _, cause := range []error{unix.EIO, unix.ENOSPC, unix.EROFS, unix.EMFILE, io.ErrShortWrite} {
		for _, sticky := range []bool{false, true} {
			for at := 0; ; at++ {
				mem := fsys.NewMemFS()
				write(t, mem, "other.shard", testHeader(50), Options{}, sampleRecords(3, 50))
				s := &session{records: sampleRecords(14, 50)}
				reached := false
				err := s.run(fsys.NewFaulty(mem, func(_, _ string, n int) error {
					if n == at || sticky && n > at {
						reached = true
						return cause
					}
					return nil
				}))
				if !reached {
					break
				}
				if err == nil && !s.sealed {
					t.Fatalf("operation %d with %v: no error", at, cause)
				}
				if err != nil && !errors.Is(err, cause) {
					t.Fatalf("operation %d: got %v, want %v", at, err, cause)
				}
				if why := s.broken(mem); why != "" {
					t.Fatalf("operation %d, %v, sticky %v: %s", at, cause, sticky, why)
				}
				if _, err := Verify(mem, "other.shard"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A damaged block that had been synced is reported and not cut away with what follows it; a torn end is cut.
func TestDamageIsNotTakenForATornEnd(t *testing.T) {
	mem := fsys.NewMemFS()
	w, err := Create(mem, name, testHeader(50), Options{})
	must(t, err)
	var ends []int64
	for _, r := range sampleRecords(6, 50) {
		must(t, w.Append(&r))
		must(t, w.Sync())
		ends = append(ends, w.offset)
	}
	must(t, w.Close())
	data := bytesOf(t, mem, name+OpenSuffix)
	data[ends[2]+100] ^= 1 // in the fourth block
	if _, err := Recover(holds(t, name+OpenSuffix, data), name+OpenSuffix); !caught(err) {
		t.Errorf("damage in the middle: %v", err)
	}
	rec, err := Recover(holds(t, name+OpenSuffix, data[:ends[3]]), name+OpenSuffix)
	if err != nil || len(rec.Keys) != 3 || rec.Bytes != ends[2] || rec.Dropped != ends[3]-ends[2] || rec.Header != testHeader(50) {
		t.Errorf("torn end: %+v, %v", rec, err)
	}
}

// Recovery of a file cut at any length keeps exactly the whole blocks, and doing it twice changes nothing.
func TestRecoverAtEveryLength(t *testing.T) {
	mem := fsys.NewMemFS()
	w, err := Create(mem, name, testHeader(50), Options{})
	must(t, err)
	ends := []int64{superblockLen}
	for _, r := range sampleRecords(5, 50) {
		must(t, w.Append(&r))
		must(t, w.Sync())
		ends = append(ends, w.offset)
	}
	must(t, w.Close())
	data := bytesOf(t, mem, name+OpenSuffix)
	for n := range len(data) + 1 {
		m := holds(t, name+OpenSuffix, data[:n])
		rec, err := Recover(m, name+OpenSuffix)
		must(t, err)
		blocks := 0
		for blocks+1 < len(ends) && ends[blocks+1] <= int64(n) {
			blocks++
		}
		want := ends[blocks]
		if n < superblockLen {
			want = 0
		}
		if rec.Bytes != want || len(rec.Keys) != blocks || rec.Dropped != int64(n)-want {
			t.Fatalf("%d bytes: %+v, want %d", n, rec, want)
		}
		if again, err := Recover(m, name+OpenSuffix); err != nil || again.Dropped != 0 || again.Bytes != want {
			t.Fatalf("%d bytes, again: %+v, %v", n, again, err)
		}
	}
}

func TestRecoverLeavesOtherFilesAlone(t *testing.T) {
	for _, text := range []string{"a short note", string(make([]byte, 600))} {
		m := holds(t, name+OpenSuffix, []byte(text))
		_, _, err := Append(m, name, testHeader(50), Options{})
		if text[0] == 'a' {
			if err == nil || string(bytesOf(t, m, name+OpenSuffix)) != text {
				t.Errorf("a foreign file: %v", err)
			}
		} else if err != nil {
			t.Errorf("zeros of a torn start: %v", err)
		}
	}
}
