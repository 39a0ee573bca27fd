package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
)

func filled(t testing.TB, n int) *Ledger {
	t.Helper()
	l := open(t, Params{Forgetting: 0.9, PriorAlpha: 0.5, PriorBeta: 2})
	for i := range n {
		must(t, l.Observe(key(i), i%7, i%9, 8+i%3))
	}
	return l
}

// levelled is a filled ledger with three levels.
func levelled(t testing.TB, n int) *Ledger {
	t.Helper()
	l := filled(t, n)
	for _, level := range []int{9, 1, 2} {
		must(t, l.ObserveLevel(level, level, level, 10))
	}
	return l
}

func saved(t testing.TB, l *Ledger) (fsys.FS, string, []byte) {
	t.Helper()
	f, path := fsys.OS, filepath.Join(t.TempDir(), "iter-000", "tasks.ledger")
	must(t, l.Save(f, path))
	data, err := fsys.ReadFile(f, path, 1<<30)
	must(t, err)
	return f, path, data
}

func TestSaveAndOpen(t *testing.T) {
	for _, n := range []int{0, 1, 20000} {
		l := levelled(t, n)
		f, path, data := saved(t, l)
		if len(data) != headerBytes+recordBytes*(3+n) {
			t.Errorf("%d tasks take %d bytes", n, len(data))
		}
		back, err := Open(f, path)
		must(t, err)
		if back.Params != l.Params || back.Len() != n {
			t.Fatalf("came back with %+v and %d tasks", back.Params, back.Len())
		}
		for _, level := range []int{1, 2, 3, 9} {
			if got, want := back.Level(level), l.Level(level); got != want {
				t.Errorf("level %d came back as %+v, was %+v", level, got, want)
			}
		}
		for k, task := range l.Each() {
			if got, _ := back.Lookup(k); got != task {
				t.Fatalf("%v came back as %+v, was %+v", k, got, task)
			}
		}
		if _, _, again := saved(t, back); !bytes.Equal(again, data) {
			t.Error("saving again gives other bytes")
		}
	}
}

// TestDamage flips every byte of a small file, one after the other: each is noticed, and one in a record is named.
func TestDamage(t *testing.T) {
	l := levelled(t, 5)
	f, path, data := saved(t, l)
	for at := range data {
		bad := bytes.Clone(data)
		bad[at] ^= 0x10
		err := openBytes(f, path, bad)
		if fault.ExitCode(err) != 3 {
			t.Fatalf("byte %d: got %v, want class Input", at, err)
		}
		if record := (at - headerBytes) / recordBytes; at >= headerBytes {
			kind := "task"
			if record < 3 {
				kind = "level"
			}
			if want := fmt.Sprintf("record %d at byte %d (%s ", record, headerBytes+recordBytes*record, kind); !strings.Contains(err.Error(), want) {
				t.Errorf("byte %d: %v lacks %q", at, err, want)
			}
		}
	}
}

func openBytes(f fsys.FS, path string, data []byte) error {
	file, err := f.Create(path)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	_, err = Open(f, path)
	return err
}

// TestForgeries have right checksums and are wrong all the same.
func TestForgeries(t *testing.T) {
	l := filled(t, 4)
	f, path, data := saved(t, l)
	record := func(b []byte, i int) []byte { return b[headerBytes+recordBytes*i:][:recordBytes] }
	seal := func(b []byte) {
		binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
	}
	for _, x := range []struct {
		name   string
		change func(b []byte) []byte
		want   string
	}{
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }, "the header says 4 records"},
		{"longer", func(b []byte) []byte { return append(b, 0) }, "the header says 4 records"},
		{"empty", func([]byte) []byte { return nil }, "too few for a header"},
		{"not a ledger", func(b []byte) []byte { return append([]byte("SPARSNP1"), b[8:]...) }, "not a ledger"},
		{"twice", func(b []byte) []byte { copy(record(b, 2), record(b, 1)); return b }, "record 2"},
		{"swapped", func(b []byte) []byte {
			one := bytes.Clone(record(b, 1))
			copy(record(b, 1), record(b, 2))
			copy(record(b, 2), one)
			return b
		}, "out of order"},
		{"negative", func(b []byte) []byte { record(b, 3)[19] |= 0x80; seal(record(b, 3)); return b }, "record 3 at byte 160"},
		{"no iteration", func(b []byte) []byte { copy(record(b, 0)[28:32], "\xff\xff\xff\xff"); seal(record(b, 0)); return b }, "not counts"},
		{"forgetting 2", func(b []byte) []byte {
			binary.LittleEndian.PutUint64(b[16:], 2<<61)
			seal(b[:headerBytes])
			return b
		}, "forgetting"},
	} {
		err := openBytes(f, path, x.change(bytes.Clone(data)))
		if fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v, want class Input and %q", x.name, err, x.want)
		}
	}
	f, path, data = saved(t, levelled(t, 0))
	copy(record(data, 1), record(data, 0))
	if err := openBytes(f, path, data); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("a level twice: got %v", err)
	}
	if _, err := Open(f, path+".absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

// TestCrash fails every operation of a save from the n-th on, then cuts the power: the ledger of before is there, or the new one, whole.
func TestCrash(t *testing.T) {
	const path = "/run/tasks.ledger"
	before, after := filled(t, 3), filled(t, 100)
	for n := 0; ; n++ {
		m := fsys.NewMemFS()
		must(t, before.Save(m, path))
		faulty := fsys.NewFaulty(m, func(_, _ string, i int) error {
			if i >= n {
				return errors.New("no power")
			}
			return nil
		})
		err := after.Save(faulty, path)
		for seed := range uint64(20) {
			got, openErr := Open(m.Crash(rng.NewStream(seed)), path)
			must(t, openErr)
			if got.Len() != 3 && got.Len() != 100 || err == nil && got.Len() != 100 {
				t.Fatalf("power lost at operation %d: %d tasks; save said %v", n, got.Len(), err)
			}
		}
		if err == nil {
			if n < 5 {
				t.Fatalf("a save is only %d operations", n)
			}
			return
		}
	}
}
