// Package snapshot stores an update in flight: weights, optimizer state and cursor, so that an interrupted update goes on
// with the same bits.
//
//	err := snapshot.Write(fsys.OS, path, snapshot.Header{...}, weights, first, second)
//	h, err := snapshot.Read(fsys.OS, path, inputs, weights, first, second)
//
// File: 8 bytes "SPARSNP1", u32 header length, header (JSON), then the vectors one after the other as little-endian
// float32, then the SHA-256 of everything before it. Written to a temporary name, synced and renamed; never modified.
// The functions share no state.
package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math"

	"spar/internal/fault"
	"spar/internal/fsys"
)

const magic = "SPARSNP1"

const maxHeader = 1 << 20

// Header says what a snapshot belongs to and where the update stands.
type Header struct {
	Inputs        string `json:"inputs"`         // hash of the update's inputs
	Iteration     int    `json:"iteration"`      //
	Step          int    `json:"step"`           // optimizer steps taken in this iteration
	OptimizerStep int64  `json:"optimizer_step"` // the optimizer's own counter
	MetricsBytes  int64  `json:"metrics_bytes"`  // length of metrics.jsonl at that step
	Elements      []int  `json:"elements"`       // length of each vector
}

// Write stores the vectors under path, whole or not at all.
func Write(f fsys.FS, path string, h Header, vectors ...[]float32) error {
	h.Elements = nil
	for _, v := range vectors {
		h.Elements = append(h.Elements, len(v))
	}
	head, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	err = fsys.WriteFile(f, path, func(w io.Writer) error {
		sum := sha256.New()
		b := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
		if err := writeBody(b, head, vectors); err != nil {
			return err
		}
		_, err := w.Write(sum.Sum(nil))
		return err
	})
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return nil
}

func writeBody(b *bufio.Writer, head []byte, vectors [][]float32) error {
	start := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(head)))
	if _, err := b.Write(append(start, head...)); err != nil {
		return err
	}
	var chunk [4096]byte
	for _, v := range vectors {
		for len(v) > 0 {
			n := min(len(v), len(chunk)/4)
			for i, x := range v[:n] {
				binary.LittleEndian.PutUint32(chunk[4*i:], math.Float32bits(x))
			}
			if _, err := b.Write(chunk[:4*n]); err != nil {
				return err
			}
			v = v[n:]
		}
	}
	return b.Flush()
}

// Read checks the file, then fills the vectors from it; when it fails they are untouched or, after a disk error
// in the second pass, undefined. It refuses a snapshot of another update and one whose vectors have other lengths.
func Read(f fsys.FS, path, inputs string, vectors ...[]float32) (Header, error) {
	file, err := f.Open(path)
	if err != nil {
		return Header{}, fmt.Errorf("checkpoint: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Header{}, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	h, start, err := header(file, info.Size())
	if err == nil {
		err = matches(h, start, info.Size(), inputs, vectors)
	}
	if err == nil {
		err = verify(file, info.Size())
	}
	if err == nil {
		err = fill(io.NewSectionReader(file, start, info.Size()-start), vectors)
	}
	if err != nil {
		return Header{}, fault.Inputf("checkpoint %s: %w", path, err)
	}
	return h, nil
}

func header(r io.ReaderAt, size int64) (h Header, start int64, err error) {
	fixed := make([]byte, len(magic)+4)
	if _, err := r.ReadAt(fixed, 0); err != nil {
		return h, 0, fmt.Errorf("the file has %d bytes, too few for a header", size)
	}
	if !bytes.Equal(fixed[:len(magic)], []byte(magic)) {
		return h, 0, fmt.Errorf("not a checkpoint: it begins with %q, not %q", fixed[:len(magic)], magic)
	}
	n := int64(binary.LittleEndian.Uint32(fixed[len(magic):]))
	if n > maxHeader || int64(len(fixed))+n > size {
		return h, 0, fmt.Errorf("the header's length %d does not fit the file's %d bytes", n, size)
	}
	head := make([]byte, n)
	if _, err := r.ReadAt(head, int64(len(fixed))); err != nil {
		return h, 0, err
	}
	if err := json.Unmarshal(head, &h); err != nil {
		return h, 0, fmt.Errorf("damaged header: %w", err)
	}
	return h, int64(len(fixed)) + n, nil
}

func matches(h Header, start, size int64, inputs string, vectors [][]float32) error {
	if h.Inputs != inputs {
		return fmt.Errorf("it belongs to an update with inputs %.12s, this one has %.12s", h.Inputs, inputs)
	}
	if len(h.Elements) != len(vectors) {
		return fmt.Errorf("it holds %d vectors, the optimizer needs %d", len(h.Elements), len(vectors))
	}
	want := start + sha256.Size
	for i, v := range vectors {
		if h.Elements[i] != len(v) {
			return fmt.Errorf("vector %d has %d elements, the model has %d", i, h.Elements[i], len(v))
		}
		want += 4 * int64(len(v))
	}
	if want != size {
		return fmt.Errorf("the file has %d bytes, its header says %d", size, want)
	}
	return nil
}

func verify(r io.ReaderAt, size int64) error {
	var sum hash.Hash = sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, size-sha256.Size)); err != nil {
		return err
	}
	stored := make([]byte, sha256.Size)
	if _, err := r.ReadAt(stored, size-sha256.Size); err != nil {
		return err
	}
	if got := sum.Sum(nil); !bytes.Equal(got, stored) {
		return fmt.Errorf("damaged: SHA-256 is %x, the file says %x", got[:6], stored[:6])
	}
	return nil
}

func fill(r io.Reader, vectors [][]float32) error {
	b := bufio.NewReaderSize(r, 1<<20)
	var chunk [4096]byte
	for _, v := range vectors {
		for len(v) > 0 {
			n := min(len(v), len(chunk)/4)
			if _, err := io.ReadFull(b, chunk[:4*n]); err != nil {
				return err
			}
			for i := range v[:n] {
				v[i] = math.Float32frombits(binary.LittleEndian.Uint32(chunk[4*i:]))
			}
			v = v[n:]
		}
	}
	return nil
}
