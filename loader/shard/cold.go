package shard

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// ColdSuffix ends the names of exported shards: one zstd frame that declares its size and carries a
// checksum, so the zstd program reads them too.
const ColdSuffix = ".zst"

// Export verifies the sealed shard name and writes it, compressed, to out.
func Export(f fsys.FS, name, out string) error {
	if _, err := Verify(f, name); err != nil {
		return err
	}
	in, err := f.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return fsys.WriteFile(f, out, func(w io.Writer) error { return compress(w, in, info.Size()) })
}

func compress(w io.Writer, in io.Reader, size int64) error {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(coldWindow), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	z.ResetContentSize(w, size)
	if _, err := io.Copy(z, in); err != nil {
		return errors.Join(err, z.Close())
	}
	return z.Close()
}

const (
	coldWindow   = 4 << 20
	maxWindow    = 8 << 20
	maxColdHead  = 18 // bytes of the longest zstd frame header
	maxColdBytes = 1 << 40
)

// Import decompresses the exported shard in to name and verifies it there. What does not decompress to exactly the
// declared size, or is not a sound sealed shard, is an input error and leaves nothing behind.
func Import(f fsys.FS, in, name string) error {
	if _, err := f.Stat(name); err == nil {
		return fault.Inputf("%s exists already, and sealed shards are not replaced; give another name", name)
	}
	file, err := openNamed(f, in, "give a shard that spar shard export wrote")
	if err != nil {
		return err
	}
	defer file.Close()
	temp := name + OpenSuffix + fsys.TempSuffix
	err = fsys.WriteFile(f, temp, func(w io.Writer) error { return decompress(w, file, in) })
	if err == nil {
		_, err = Verify(f, temp)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(f, temp))
	}
	if err := f.Rename(temp, name); err != nil {
		return errors.Join(err, removeIfThere(f, temp))
	}
	return f.SyncDir(filepath.Dir(name))
}

func decompress(w io.Writer, file fsys.File, name string) error {
	size, err := declaredSize(file, name)
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return fault.Inputf("%s: not a zstd file: %w", name, err)
	}
	defer z.Close()
	// The decoder's own limits do not bound a stream, so the output is counted here.
	n, err := io.Copy(w, io.LimitReader(z, size+1))
	if err != nil {
		return fault.Inputf("%s: after %d bytes: %w", name, n, err)
	}
	if n != size {
		return fault.Inputf("%s: decompresses to %d bytes or more, and declares %d: the file is damaged", name, n, size)
	}
	return nil
}

func declaredSize(file fsys.File, name string) (int64, error) {
	head := make([]byte, maxColdHead)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	var h zstd.Header
	if err := h.Decode(head[:n]); err != nil || h.Skippable {
		return 0, fault.Inputf("%s: not an exported shard: it does not start with a zstd frame; give one that spar shard export wrote", name)
	}
	if !h.HasFCS || h.FrameContentSize > maxColdBytes {
		return 0, fault.Inputf("%s: the zstd frame does not declare a possible size: export the shard again", name)
	}
	return int64(h.FrameContentSize), nil
}

func removeIfThere(f fsys.FS, name string) error {
	if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
