package shard

import (
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// seeds are a sound file, pieces of it, and forgeries whose checksums hold.
func seeds(f *testing.F) {
	data := smallShard(f)
	f.Add(data)
	f.Add(data[:superblockLen])
	f.Add(data[:superblockLen+200])
	f.Add([]byte{})
	f.Add(forge{}.bytes())
	f.Add(forge{record: func(b []byte) { b[atPrompts+3] = 1 }}.bytes())
	f.Add(forge{head: func(h *blockHead) { h.count = 1 << 30 }}.bytes())
	f.Add(forge{index: func(x *index) { x.entries[0].offset = 1 << 62 }}.bytes())
	f.Add(forge{trailer: func(t []byte) { t[atRecords+5] = 1 }}.bytes())
}

// mend makes the checksums of b hold where its parts can be found, so that fuzzing reaches what is behind them.
func mend(b []byte) {
	if len(b) < superblockLen+blockHeaderLen+indexHeadLen+trailerLen {
		return
	}
	put := func(at int, sum uint32) {
		b[at], b[at+1], b[at+2], b[at+3] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	}
	tag := checksum(b[:atSumSB])
	put(atSumSB, tag)
	head := b[superblockLen : superblockLen+blockHeaderLen]
	payload := int(head[atPayload]) | int(head[atPayload+1])<<8
	at := superblockLen + blockHeaderLen
	if at+payload > len(b)-trailerLen {
		return
	}
	put(superblockLen+atTag, tag)
	put(superblockLen+atSumPay, checksum(b[at:at+payload]))
	put(superblockLen+atSumBlk, checksum(head[:atSumBlk]))
	end := len(b) - trailerLen
	put(at+payload+4, tag)
	put(end+atIndexSum, checksum(b[at+payload:end]))
	put(end+atSumTrail, checksum(b[end:end+atSumTrail]))
}

func FuzzReader(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for range 2 {
			mem := holds(t, name, data)
			stats, err := Verify(mem, name)
			if err != nil && fault.ExitCode(err) != 3 {
				t.Fatalf("not an input error: %v", err)
			}
			if r, openErr := Open(mem, name); openErr == nil {
				var rec Record
				for i := range r.Len() {
					if readErr := r.Read(i, &rec); readErr != nil && err == nil {
						t.Fatalf("Verify passes %+v and record %d fails: %v", stats, i, readErr)
					}
				}
			}
			data = append([]byte(nil), data...)
			mend(data)
		}
	})
}

func FuzzRecover(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		mem := holds(t, name+OpenSuffix, data)
		rec, err := Recover(mem, name+OpenSuffix)
		if err != nil {
			if fault.ExitCode(err) != 3 {
				t.Fatalf("not an input error: %v", err)
			}
			return
		}
		again, err := Recover(mem, name+OpenSuffix)
		if err != nil || again.Dropped != 0 || len(again.Keys) != len(rec.Keys) {
			t.Fatalf("first %+v, then %+v, %v", rec, again, err)
		}
		if rec.Bytes == 0 {
			return
		}
		w, keys, err := Append(mem, name, rec.Header, Options{})
		must(t, err)
		must(t, w.Append(&Record{Prompt: []int32{0}}))
		must(t, w.Seal())
		if stats, err := Verify(mem, name); err != nil || stats.Records != len(keys)+1 {
			t.Fatalf("after recovery: %+v, %v", stats, err)
		}
	})
}

func FuzzImport(f *testing.F) {
	mem := holds(f, name, smallShard(f))
	must(f, Export(mem, name, "a.zst"))
	f.Add(bytesOf(f, mem, "a.zst"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := holds(t, "a.zst", data)
		err := Import(m, "a.zst", name)
		if err != nil && fault.ExitCode(err) != 3 {
			t.Fatalf("not an input error: %v", err)
		}
		if _, statErr := m.Stat(name); (statErr == nil) != (err == nil) {
			t.Fatalf("Import says %v, and the file: %v", err, statErr)
		}
	})
}

// The fixtures are files that released versions wrote. They open for ever.
func TestOldVersionsOpen(t *testing.T) {
	for file, vocab := range map[string]int{"testdata/v1.0-u16.shard": 50, "testdata/v1.0-u32.shard": 70000} {
		if _, err := Verify(fsys.OS, file); err != nil {
			t.Error(err)
			continue
		}
		want := sampleRecords(5, vocab)
		for i, got := range readAll(t, fsys.OS, file) {
			if !sameRecord(got, want[i]) {
				t.Errorf("%s: record %d is %+v, want %+v", file, i, got, want[i])
			}
		}
	}
}

func sameRecord(a, b Record) bool {
	x, _ := a.MarshalJSON()
	y, _ := b.MarshalJSON()
	return string(x) == string(y)
}
