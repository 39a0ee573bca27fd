package metrics

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
)

func record(step int64) Record {
	return Record{Time: 1700000000.5, Iteration: 1, Step: step, Values: map[string]float64{"loss": math.Ln2, "rewards/margins": -0.25}}
}

func TestRoundTripAndRewind(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(fsys.OS, dir)
	if err != nil {
		t.Fatal(err)
	}
	var keep int64
	for step := int64(1); step <= 4; step++ {
		if err := w.Append(record(step)); err != nil {
			t.Fatal(err)
		}
		if step == 2 {
			if keep, err = w.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Close()
	all, err := Read(fsys.OS, dir)
	if err != nil || len(all) != 4 || !reflect.DeepEqual(all[3], record(4)) {
		t.Fatalf("got %v, %v", all, err)
	}
	w, err = Open(fsys.OS, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Rewind(keep); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(record(30)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	all, err = Read(fsys.OS, dir)
	if err != nil || len(all) != 3 || all[2].Step != 30 {
		t.Fatalf("after rewinding to two lines and one more: %v, %v", all, err)
	}
	events := readEvents(t, filepath.Join(dir, "tb", eventsName))
	if len(events) != 4 {
		t.Fatalf("the event file holds %d events, want the version and 3 steps", len(events))
	}
}

// readEvents checks the framing of an event file and returns the payloads.
func readEvents(t *testing.T, path string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for len(data) > 0 {
		n := binary.LittleEndian.Uint64(data)
		if got, want := binary.LittleEndian.Uint32(data[8:]), mask(data[:8]); got != want {
			t.Fatalf("event %d: length checksum %08x, want %08x", len(out), got, want)
		}
		body := data[12 : 12+n]
		if got, want := binary.LittleEndian.Uint32(data[12+n:]), mask(body); got != want {
			t.Fatalf("event %d: payload checksum %08x, want %08x", len(out), got, want)
		}
		out, data = append(out, body), data[16+n:]
	}
	return out
}

// TestEventBytes pins an event to bytes worked out by hand from the protocol buffer wire format.
func TestEventBytes(t *testing.T) {
	got := recordEvent(Record{Time: 1, Step: 300, Values: map[string]float64{"ab": 0.5}})
	want := "\x09\x00\x00\x00\x00\x00\x00\xf0\x3f" + "\x10\xac\x02" + "\x2a\x0b" + "\x0a\x09" + "\x0a\x02ab" + "\x15\x00\x00\x00\x3f"
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	// The CRC32C check value of "123456789" is e3069283.
	check := uint32(0xe3069283)
	if got, want := mask([]byte("123456789")), (check>>15|check<<17)+0xa282ead8; got != want {
		t.Errorf("mask = %08x, want %08x", got, want)
	}
}

func TestNotFinite(t *testing.T) {
	w, err := Open(fsys.OS, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	err = w.Append(Record{Iteration: 2, Step: 5, Values: map[string]float64{"loss": math.NaN()}})
	if err == nil || !strings.Contains(err.Error(), "iteration 2, step 5") || !strings.Contains(err.Error(), "loss") {
		t.Errorf("got %v", err)
	}
}

func TestDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, []byte("{\"step\":1}\n{\"step\":\"x\"}\n{\"st"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(fsys.OS, dir); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), fileName+":2") {
		t.Errorf("got %v, want class Input and line 2", err)
	}
	if err := os.WriteFile(path, []byte("{\"step\":1}\n{\"st"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := Open(fsys.OS, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if n, err := w.Sync(); n != 11 || err != nil {
		t.Errorf("a torn last line: %d bytes kept, want 11; %v", n, err)
	}
	if err := w.Rewind(1000); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "vouches for 1000") {
		t.Errorf("a file shorter than the journal says: got %v", err)
	}
}
