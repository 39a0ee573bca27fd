package ledger

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"path/filepath"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// The layout; FORMAT.md describes it.
const (
	magic       = "SPARLDG2"
	headerBytes = 52
	recordBytes = 36
	maxTasks    = 1 << 36
	maxLevels   = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes the ledger to path, whole or not at all; what was there before stays until the new file is durable.
func (l *Ledger) Save(f fsys.FS, path string) error {
	if err := fsys.MakeDir(f, filepath.Dir(path)); err != nil {
		return fmt.Errorf("ledger %s: %w", path, err)
	}
	err := fsys.WriteFile(f, path, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<20)
		if _, err := b.Write(l.header()); err != nil {
			return err
		}
		var line [recordBytes]byte
		for r := range l.stored() {
			r.encode(&line)
			if _, err := b.Write(line[:]); err != nil {
				return err
			}
		}
		return b.Flush()
	})
	if err != nil {
		return fmt.Errorf("ledger %s: %w", path, err)
	}
	return nil
}

// stored are the records in the order of a file: the levels, then the tasks.
func (l *Ledger) stored() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for i := range l.levels {
			if !yield(&l.levels[i]) {
				return
			}
		}
		l.sorted()(yield)
	}
}

func (l *Ledger) header() []byte {
	h := make([]byte, 0, headerBytes)
	h = append(h, magic...)
	h = binary.LittleEndian.AppendUint64(h, uint64(l.n))
	for _, v := range []float64{l.Params.Forgetting, l.Params.PriorAlpha, l.Params.PriorBeta} {
		h = binary.LittleEndian.AppendUint64(h, math.Float64bits(v))
	}
	h = binary.LittleEndian.AppendUint32(h, recordBytes)
	h = binary.LittleEndian.AppendUint32(h, uint32(len(l.levels)))
	return binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

func (r *record) encode(b *[recordBytes]byte) {
	binary.BigEndian.PutUint64(b[0:], r.key.hi)
	binary.BigEndian.PutUint64(b[8:], r.key.lo)
	binary.LittleEndian.PutUint32(b[16:], math.Float32bits(r.successes))
	binary.LittleEndian.PutUint32(b[20:], math.Float32bits(r.failures))
	binary.LittleEndian.PutUint32(b[24:], r.trials)
	binary.LittleEndian.PutUint32(b[28:], r.last-1)
	binary.LittleEndian.PutUint32(b[32:], crc32.Checksum(b[:32], castagnoli))
}

// Open reads a ledger into memory and checks every record. Damage is a fault.Input error that names the record and its byte.
func Open(f fsys.FS, path string) (*Ledger, error) {
	file, err := f.Open(path)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	l, err := read(bufio.NewReaderSize(file, 1<<20), info.Size())
	if err != nil {
		return nil, fault.Inputf("ledger %s: %w; restore the file, or remove it to have its iteration done again", path, err)
	}
	return l, nil
}

func read(r io.Reader, size int64) (*Ledger, error) {
	l, levels, tasks, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	var previous Key
	var line [recordBytes]byte
	for i := range levels + tasks {
		at := headerBytes + recordBytes*i
		if _, err := io.ReadFull(r, line[:]); err != nil {
			return nil, fmt.Errorf("record %d at byte %d: %w", i, at, err)
		}
		rec, err := decode(&line)
		switch {
		case err != nil:
		case i < levels:
			err = l.insertLevel(rec)
		case i > levels && !previous.before(rec.key):
			err = errOrder
		default:
			err = l.insert(rec)
		}
		if err != nil {
			return nil, fmt.Errorf("record %d at byte %d (%s): %w", i, at, nameOf(rec.key, i < levels), err)
		}
		previous = rec.key
	}
	return l, nil
}

var errOrder = errors.New("out of order")

func nameOf(k Key, level bool) string {
	if level {
		return fmt.Sprintf("level %d", k.lo)
	}
	return fmt.Sprintf("task %v", k)
}

// readHeader returns an empty ledger and the numbers of its levels and tasks.
func readHeader(r io.Reader, size int64) (l *Ledger, levels, tasks int64, err error) {
	h := make([]byte, headerBytes)
	if _, err := io.ReadFull(r, h); err != nil {
		return nil, 0, 0, fmt.Errorf("the file has %d bytes, too few for a header", size)
	}
	if string(h[:8]) != magic {
		return nil, 0, 0, fmt.Errorf("not a ledger: it begins with %q, not %q", h[:8], magic)
	}
	if got, want := crc32.Checksum(h[:48], castagnoli), binary.LittleEndian.Uint32(h[48:]); got != want {
		return nil, 0, 0, fmt.Errorf("damaged header: its checksum is %08x, the file says %08x", got, want)
	}
	if n := binary.LittleEndian.Uint32(h[40:]); n != recordBytes {
		return nil, 0, 0, fmt.Errorf("records of %d bytes; this program reads %d", n, recordBytes)
	}
	number := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(h[at:])) }
	l, err = New(Params{Forgetting: number(16), PriorAlpha: number(24), PriorBeta: number(32)})
	if err != nil {
		return nil, 0, 0, err
	}
	n, of := binary.LittleEndian.Uint64(h[8:]), binary.LittleEndian.Uint32(h[44:])
	if n > maxTasks || of > maxLevels || size != headerBytes+recordBytes*int64(n+uint64(of)) {
		return nil, 0, 0, fmt.Errorf("the header says %d records and %d levels of %d bytes, the file has %d bytes", n, of, recordBytes, size)
	}
	return l, int64(of), int64(n), nil
}

func decode(b *[recordBytes]byte) (record, error) {
	r := record{
		key:       keyFrom(b[:16]),
		successes: math.Float32frombits(binary.LittleEndian.Uint32(b[16:])),
		failures:  math.Float32frombits(binary.LittleEndian.Uint32(b[20:])),
		trials:    binary.LittleEndian.Uint32(b[24:]),
		last:      binary.LittleEndian.Uint32(b[28:]) + 1,
	}
	if got, want := crc32.Checksum(b[:32], castagnoli), binary.LittleEndian.Uint32(b[32:]); got != want {
		return r, fmt.Errorf("damaged: its checksum is %08x, the file says %08x", got, want)
	}
	if !amount(r.successes) || !amount(r.failures) || r.last == 0 {
		return r, fmt.Errorf("successes %v, failures %v, iteration %d: not counts", r.successes, r.failures, int64(r.last)-1)
	}
	return r, nil
}

func amount(x float32) bool { return x >= 0 && x <= math.MaxFloat32 }

// insert adds a record that is new.
func (l *Ledger) insert(r record) error {
	slot, err := l.slot(r.key)
	if err == nil {
		*slot = r
	}
	return err
}
