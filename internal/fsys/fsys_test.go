package fsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spar/internal/fault"
	"spar/internal/rng"
)

// every runs a test on the real file system and on the one in memory.
func every(t *testing.T, test func(t *testing.T, f FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, OS, t.TempDir()) })
	t.Run("mem", func(t *testing.T) { test(t, NewMemFS(), ".") })
}

func put(f FS, name, text string) error {
	return WriteFile(f, name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

func get(t *testing.T, f FS, name string) string {
	t.Helper()
	data, err := ReadFile(f, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFilesBehaveAlike(t *testing.T) {
	every(t, func(t *testing.T, f FS, dir string) {
		name := filepath.Join(dir, "a", "b", "c")
		if err := MakeDir(f, filepath.Dir(name)); err != nil {
			t.Fatal(err)
		}
		file, err := f.Append(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(file, "hello world")
		buf := make([]byte, 5)
		if n, err := file.ReadAt(buf, 6); n != 5 || string(buf) != "world" {
			t.Errorf("ReadAt = %d, %v, %q", n, err, buf)
		}
		if err := errors.Join(file.Truncate(5), file.Sync()); err != nil {
			t.Fatal(err)
		}
		io.WriteString(file, "!")
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if got := get(t, f, name); got != "hello!" {
			t.Errorf("content %q", got)
		}
		if _, err := file.Write(nil); err == nil {
			t.Error("a closed file takes writes")
		}
		if read, _ := f.Open(name); read != nil {
			if _, err := read.Write([]byte("x")); err == nil {
				t.Error("a file opened for reading takes writes")
			}
			read.Close()
		}
		if err := f.Rename(name, name+"2"); err != nil {
			t.Fatal(err)
		}
		entries, err := f.ReadDir(filepath.Dir(name))
		if err != nil || len(entries) != 1 || entries[0].Name() != "c2" {
			t.Errorf("ReadDir = %v, %v", entries, err)
		}
		if _, err := f.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat of a renamed file: %v", err)
		}
		if err := f.Remove(filepath.Join(dir, "a")); err == nil {
			t.Error("a full directory was removed")
		}
		if err := f.RemoveAll(filepath.Join(dir, "a")); err != nil {
			t.Error(err)
		}
		if _, err := f.Open(name + "2"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open after RemoveAll: %v", err)
		}
	})
}

func TestWriteFileReplacesWhole(t *testing.T) {
	every(t, func(t *testing.T, f FS, dir string) {
		name := filepath.Join(dir, "x")
		if err := errors.Join(put(f, name, "old"), put(f, name, "new")); err != nil {
			t.Fatal(err)
		}
		broken := errors.New("no more")
		err := WriteFile(f, name, func(w io.Writer) error { io.WriteString(w, "half"); return broken })
		if !errors.Is(err, broken) || get(t, f, name) != "new" {
			t.Errorf("after a failed write: %v, %q", err, get(t, f, name))
		}
		if entries, _ := f.ReadDir(dir); len(entries) != 1 {
			t.Errorf("left over: %v", entries)
		}
	})
}

// Every single operation of WriteFile fails in turn, with several errors: the file is old or new.
func TestWriteFileUnderFaults(t *testing.T) {
	for _, cause := range []error{unix.EIO, unix.ENOSPC, unix.EROFS, io.ErrShortWrite} {
		for at := 0; ; at++ {
			mem := NewMemFS()
			if err := put(mem, "x", "old"); err != nil {
				t.Fatal(err)
			}
			reached := false
			f := NewFaulty(mem, func(op, name string, n int) error {
				if n == at {
					reached = true
					return cause
				}
				return nil
			})
			err := put(f, "x", "new content")
			if !reached {
				break
			}
			if !errors.Is(err, cause) {
				t.Errorf("operation %d: got %v, want %v", at, err, cause)
			}
			if got := get(t, mem, "x"); got != "old" && got != "new content" {
				t.Errorf("operation %d leaves %q", at, got)
			}
			if _, err := mem.Stat("x" + TempSuffix); err == nil {
				t.Errorf("operation %d leaves a temporary file", at)
			}
		}
	}
}

// crashAt replaces "x" and cuts the power before operation at; drop names an operation that lies.
// It reports whether the operation was reached, whether the write was acknowledged, and the clone.
func crashAt(t *testing.T, at int, chance *rng.Stream, drop string) (acknowledged bool, operations int, after *MemFS) {
	mem := NewMemFS()
	if err := put(mem, "x", "old"); err != nil {
		t.Fatal(err)
	}
	f := NewFaulty(mem, func(op, name string, n int) error {
		operations = n + 1
		if n == at {
			after = mem.Crash(chance)
		}
		if op == drop {
			return ErrDropped
		}
		return nil
	})
	err := put(f, "x", strings.Repeat("new ", 1000))
	if after == nil {
		after = mem.Crash(chance)
	}
	return err == nil && operations <= at, operations, after
}

func broken(t *testing.T, drop string) (count int) {
	for outcome := range uint32(40) {
		for at := 0; ; at++ {
			acknowledged, operations, after := crashAt(t, at, rng.NewStream(1, outcome, uint32(at)), drop)
			data, err := ReadFile(after, "x", 1<<20)
			isNew := string(data) == strings.Repeat("new ", 1000)
			if err != nil || !isNew && (acknowledged || string(data) != "old") {
				count++
			}
			if at >= operations {
				break
			}
		}
	}
	return count
}

// WriteFile survives a loss of power at every operation; leave out either of its syncs and it does not.
func TestWriteFileUnderPowerLoss(t *testing.T) {
	if n := broken(t, ""); n > 0 {
		t.Errorf("%d crashes lost the old content without bringing the new", n)
	}
	for _, op := range []string{"sync", "syncdir"} {
		if broken(t, op) == 0 {
			t.Errorf("leaving out %s goes unnoticed: the crash model is too kind", op)
		}
	}
}

func TestMakeDirSurvivesPowerLoss(t *testing.T) {
	for outcome := range uint32(50) {
		mem := NewMemFS()
		if err := errors.Join(MakeDir(mem, "a/b/c"), put(mem, "a/b/c/x", "text")); err != nil {
			t.Fatal(err)
		}
		if got := get(t, mem.Crash(rng.NewStream(2, outcome)), "a/b/c/x"); got != "text" {
			t.Fatalf("content %q", got)
		}
	}
}

func TestReadFileLimit(t *testing.T) {
	every(t, func(t *testing.T, f FS, dir string) {
		name := filepath.Join(dir, "x")
		if err := put(f, name, "12345"); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(f, name, 5); err != nil {
			t.Error(err)
		}
		if _, err := ReadFile(f, name, 4); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), name) {
			t.Errorf("above the limit: %v", err)
		}
	})
}

func TestOpenRefusesSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	for name, want := range map[string]string{pipe: "pipe", "/dev/zero": "device", dir: "directory", loop: "too many levels"} {
		go func() {
			_, err := OS.Open(name)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("opening %s blocks", name)
		}
	}
}

func TestLockHasOneHolder(t *testing.T) {
	every(t, func(t *testing.T, f FS, dir string) {
		name := filepath.Join(dir, "lock")
		var wg sync.WaitGroup
		var mu sync.Mutex
		var held []io.Closer
		for range 50 {
			wg.Go(func() {
				lock, err := f.Lock(name)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					held = append(held, lock)
				} else if !errors.Is(err, ErrLocked) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(held) != 1 {
			t.Fatalf("%d holders", len(held))
		}
		held[0].Close()
		again, err := f.Lock(name)
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	})
}

// A failed sync sticks: trying again must not report that lost data is safe.
func TestFailedSyncSticks(t *testing.T) {
	file, err := OS.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	file.(*osFile).file.Close() // the next sync fails
	first := file.Sync()
	if first == nil {
		t.Fatal("sync of a closed file succeeds")
	}
	if _, err := file.Write([]byte("x")); !errors.Is(err, first) {
		t.Errorf("write after a failed sync: %v", err)
	}
	if err := file.Sync(); !errors.Is(err, first) {
		t.Errorf("second sync: %v", err)
	}
}

func TestFaultyCountsOperations(t *testing.T) {
	var log []string
	f := NewFaulty(NewMemFS(), func(op, name string, n int) error {
		log = append(log, fmt.Sprint(n, " ", op, " ", name))
		return nil
	})
	if err := put(f, "x", "y"); err != nil {
		t.Fatal(err)
	}
	want := "0 create x.tmp,1 write x.tmp,2 sync x.tmp,3 close x.tmp,4 rename x,5 syncdir ."
	if got := strings.Join(log, ","); got != want {
		t.Errorf("operations %s, want %s", got, want)
	}
}
