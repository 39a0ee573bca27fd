package dataset

import (
	"compress/gzip"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// A compressed file may not grow without measure: once its output passes freeOutput, it must stay
// below maxRatio times the bytes read. Text compresses 3 to 20 times.
const (
	freeOutput = 64 << 20
	maxRatio   = 500
	maxWindow  = 128 << 20
)

func openLines(file fsys.File, path string) (source, error) {
	counted := &countingReader{in: file}
	switch {
	case strings.HasSuffix(path, ".gz"):
		z, err := gzip.NewReader(counted)
		if err != nil {
			return nil, fault.Inputf("%s: not a gzip file: %w", path, err)
		}
		return newLines(&bounded{in: z, read: counted, name: path}, path, file), nil
	case strings.HasSuffix(path, ".zst"):
		z, err := zstd.NewReader(counted, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fault.Inputf("%s: not a zstd file: %w", path, err)
		}
		return newLines(&bounded{in: z, read: counted, name: path}, path, zstdFile{z, file}), nil
	}
	return newLines(file, path, file), nil
}

// zstdFile closes a decoder and its file.
type zstdFile struct {
	z    *zstd.Decoder
	file io.Closer
}

func (f zstdFile) Close() error {
	f.z.Close()
	return f.file.Close()
}

type countingReader struct {
	in io.Reader
	n  int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded counts what a decompressor puts out: its own limits do not bound a stream.
type bounded struct {
	in   io.Reader
	read *countingReader
	out  int64
	name string
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.out += int64(n)
	if b.out > freeOutput && b.out > maxRatio*b.read.n {
		return 0, fault.Inputf("%d compressed bytes gave more than %d times as many, which text does not; decompress the file yourself if it is meant",
			b.read.n, maxRatio)
	}
	return n, err
}
