package shard

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
)

// holds puts data into a fresh file system.
func holds(t testing.TB, name string, data []byte) *fsys.MemFS {
	t.Helper()
	mem := fsys.NewMemFS()
	file, err := mem.Create(name)
	must(t, err)
	_, err = file.Write(data)
	must(t, err)
	must(t, file.Close())
	return mem
}

func bytesOf(t testing.TB, f fsys.FS, name string) []byte {
	t.Helper()
	data, err := fsys.ReadFile(f, name, 1<<30)
	must(t, err)
	return data
}

func smallShard(t testing.TB) []byte {
	mem := fsys.NewMemFS()
	write(t, mem, name, testHeader(50), Options{BlockBytes: 600}, sampleRecords(7, 50))
	return bytesOf(t, mem, name)
}

// caught reports how damage shows: an input error that names the file and a byte.
func caught(err error) bool {
	return fault.ExitCode(err) == 3 && strings.Contains(err.Error(), name) && strings.Contains(err.Error(), "byte ")
}

// Every bit of every part of a small file is flipped: header, blocks, records, padding, index, trailer.
func TestEveryFlippedBitIsFound(t *testing.T) {
	data := smallShard(t)
	mem := holds(t, name, data)
	if _, err := Verify(mem, name); err != nil {
		t.Fatal(err)
	}
	for i := range data {
		for bit := range 8 {
			if testing.Short() && i > atInfo && i < atSumSB && bit > 0 {
				continue // the reserved middle of the header, all alike
			}
			data[i] ^= 1 << bit
			if _, err := Verify(holds(t, name, data), name); !caught(err) {
				t.Fatalf("byte %d bit %d: %v", i, bit, err)
			}
			data[i] ^= 1 << bit
		}
	}
}

func TestEveryTruncationIsFound(t *testing.T) {
	data := smallShard(t)
	for n := range data {
		if _, err := Verify(holds(t, name, data[:n]), name); !caught(err) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	if _, err := Verify(holds(t, name, append(slices.Clone(data), make([]byte, 64)...)), name); !caught(err) {
		t.Errorf("with a tail: %v", err)
	}
}

// Readers find damage without Verify: a flip in a block's bytes is an error for each of its records.
func TestReadFindsFlippedPayload(t *testing.T) {
	mem := fsys.NewMemFS()
	write(t, mem, name, testHeader(50), Options{BlockBytes: 3000}, sampleRecords(200, 50))
	data := bytesOf(t, mem, name)
	r, err := Open(mem, name)
	must(t, err)
	blocks := r.index.blocks
	end := r.blockEnd(len(blocks) - 1)
	chance := rng.NewStream(11)
	for range 2000 {
		at, bit := superblockLen+chance.IntN(int(end)-superblockLen), chance.IntN(8)
		data[at] ^= 1 << bit
		r, err := Open(holds(t, name, data), name)
		must(t, err)
		k := len(blocks) - 1
		for blocks[k].offset > int64(at) {
			k--
		}
		var rec Record
		for i := range r.Len() {
			inside := int64(i) >= blocks[k].first && int64(i) < blocks[k].first+int64(blocks[k].count)
			if err := r.Read(i, &rec); caught(err) != inside || !inside && err != nil {
				t.Fatalf("byte %d bit %d: record %d: %v", at, bit, i, err)
			}
		}
		data[at] ^= 1 << bit
	}
}

// forge builds a sealed file whose checksums hold, letting the caller spoil each part first.
type forge struct {
	header  func(b []byte)
	record  func(b []byte)
	head    func(h *blockHead)
	payload func(b []byte)
	index   func(x *index)
	trailer func(t []byte)
	records []Record
}

func (f forge) bytes() []byte {
	le := binary.LittleEndian
	h := testHeader(50)
	file := h.encode()
	if f.header != nil {
		f.header(file)
		le.PutUint32(file[atSumSB:], checksum(file[:atSumSB]))
	}
	l := layoutOf{vocab: h.VocabSize, width: h.width(), tag: le.Uint32(file[atSumSB:])}
	records := f.records
	if records == nil {
		records = []Record{{Group: 1, Prompt: []int32{1, 2, 3}, Response: []int32{4, 5}, Logp: []float32{-1, -2}}, {Group: 2, Prompt: []int32{9}}}
	}
	var b blockBuilder
	var x index
	for i := range records {
		at := len(b.records)
		b.add(&records[i], l)
		if f.record != nil {
			f.record(b.records[at:])
			le.PutUint32(b.records[at+atSumRec:], recordSum(b.records[at:]))
		}
		x.entries = append(x.entries, entry{int64(superblockLen + blockHeaderLen + tableLen(len(records)) + at),
			len(records[i].Prompt), len(records[i].Response), int64(records[i].Group)})
	}
	payload := b.payload()
	if f.payload != nil {
		f.payload(payload)
	}
	x.blocks = []blockEntry{{superblockLen, 0, len(records)}}
	head := blockHead{count: len(records), payload: len(payload), sum: checksum(payload)}
	if f.head != nil {
		f.head(&head)
	}
	file = append(append(file, head.encode(l.tag)...), payload...)
	if f.index != nil {
		f.index(&x)
	}
	tail := x.encode(l.tag, int64(len(file)))
	if f.trailer != nil {
		t := tail[len(tail)-trailerLen:]
		f.trailer(t)
		le.PutUint32(t[atSumTrail:], checksum(t[:atSumTrail]))
	}
	return append(file, tail...)
}

// Right checksums, wrong meaning.
func TestForgedFilesAreRefused(t *testing.T) {
	if _, err := Verify(holds(t, name, forge{}.bytes()), name); err != nil {
		t.Fatalf("an honest file: %v", err)
	}
	le := binary.LittleEndian
	response := func(logp float32) []Record { return []Record{{Response: []int32{1}, Logp: []float32{logp}}} }
	for want, f := range map[string]forge{
		"format version 2.0":                   {header: func(b []byte) { b[atMajor] = 2 }},
		"format features (bits 3)":             {header: func(b []byte) { b[atRefuse] = 8 }},
		"byte-order tag 0x4030201":             {header: func(b []byte) { copy(b[atEndian:], "\x01\x02\x03\x04") }},
		"not a shard: it starts with":          {header: func(b []byte) { copy(b, "PK") }},
		"values that no version 1 file":        {header: func(b []byte) { b[atWidth] = 4 }},
		"no version 1 file has":                {header: func(b []byte) { b[atHashes] = 200 }},
		"that no version 1":                    {header: func(b []byte) { le.PutUint32(b[atVocab:], 0) }},
		"id 50 is outside the vocabulary":      {records: []Record{{Prompt: []int32{50}}}},
		"id 65535 is outside":                  {records: []Record{{Response: []int32{-1}}}},
		"log-prob 0.25 of response token 0":    {records: response(0.25)},
		"log-prob NaN":                         {records: response(float32(math.NaN()))},
		"log-prob -Inf":                        {records: response(float32(math.Inf(-1)))},
		"the reward is not finite":             {records: []Record{{Reward: float32(math.Inf(1))}}},
		"finish reason 9":                      {records: []Record{{Finish: 9}}},
		"verdict 77":                           {records: []Record{{Verdict: 77}}},
		"impossible counts or unknown columns": {record: func(b []byte) { b[atFlags] |= 0x80 }},
		"impossible counts":                    {record: func(b []byte) { le.PutUint32(b[atPrompts:], 1<<31) }},
		"impossible counts or":                 {record: func(b []byte) { le.PutUint32(b[atMetaLen:], 1<<30) }},
		"bytes should have":                    {record: func(b []byte) { b[atResponse] = 200 }},
		"a record of":                          {record: func(b []byte) { b[atLength] += 64 }},
		"is not as the index has it":           {record: func(b []byte) { b[atGroup]++ }},
		"table says that record 1":             {payload: func(b []byte) { b[4] += 64 }},
		"table says that record 0":             {payload: func(b []byte) { b[0]-- }},
		"want 0":                               {head: func(h *blockHead) { h.seq = 1 }},
		"the block is number":                  {head: func(h *blockHead) { h.first = 1 }},
		"the block is number 0":                {head: func(h *blockHead) { h.durable = 5 }},
		"impossible sizes":                     {head: func(h *blockHead) { h.count = 1 << 30 }},
		"has impossible sizes":                 {head: func(h *blockHead) { h.payload = maxBlock + 64 }},
		"the block is cut off":                 {head: func(h *blockHead) { h.payload = 1 << 20 }},
		"the block's records end at":           {head: func(h *blockHead) { h.count = 1 }},
		"the index puts record 1":              {index: func(x *index) { x.entries[1].offset = x.entries[0].offset }},
		"the index puts record 0":              {index: func(x *index) { x.entries[0].offset = 1 << 62 }},
		"index puts record 0":                  {index: func(x *index) { x.entries[0].offset += 4 }},
		"the index puts block 0 at byte 4160":  {index: func(x *index) { x.blocks[0].offset += 64 }},
		"the index puts block 0":               {index: func(x *index) { x.blocks[0].count = 1 << 60 }},
		"with records from 0, which does":      {index: func(x *index) { x.blocks = append(x.blocks, blockEntry{superblockLen, 2, 1}) }},
		"the trailer's sizes do not fit":       {trailer: func(b []byte) { le.PutUint64(b[atRecords:], 1e12) }},
		"trailer's sizes do not fit":           {trailer: func(b []byte) { le.PutUint64(b[atBlocks:], 1<<63) }},
		"the trailer's sizes":                  {trailer: func(b []byte) { le.PutUint64(b[atIndexOff:], 1<<63-1) }},
		"sizes do not fit":                     {trailer: func(b []byte) { le.PutUint64(b[atIndexLen:], 1<<63-64) }},
		"ids and the trailer":                  {trailer: func(b []byte) { le.PutUint64(b[atPromptN:], 1) }},
		"checksum of the index":                {trailer: func(b []byte) { b[atIndexSum]++ }},
	} {
		mem := holds(t, name, f.bytes())
		_, err := Verify(mem, name)
		if err == nil || !strings.Contains(err.Error(), want) || !caught(err) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// A later version may add what old readers can ignore; writing to it is another matter.
func TestFeatureBits(t *testing.T) {
	readable := forge{header: func(b []byte) { b[atReadOK], b[atMinor], b[2000] = 1, 7, 9 }}.bytes()
	mem := holds(t, name, readable)
	if _, err := Verify(mem, name); err != nil {
		t.Error(err)
	}
	mem = holds(t, name+OpenSuffix, readable[:superblockLen])
	if _, _, err := Append(mem, name, testHeader(50), Options{}); err == nil || !strings.Contains(err.Error(), "bits 0") {
		t.Errorf("writing with an unknown feature: %v", err)
	}
}

func TestUnsealedFilesAreNotRead(t *testing.T) {
	mem := fsys.NewMemFS()
	w, err := Create(mem, name, testHeader(50), Options{})
	must(t, err)
	must(t, w.Append(&Record{Prompt: []int32{1}}))
	must(t, w.Close())
	if _, err := Open(mem, name+OpenSuffix); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "not sealed") {
		t.Errorf("Open of an unsealed shard: %v", err)
	}
}

func TestColdForm(t *testing.T) {
	mem := fsys.NewMemFS()
	write(t, mem, name, testHeader(50), Options{}, sampleRecords(500, 50))
	must(t, Export(mem, name, "a.zst"))
	data, cold := bytesOf(t, mem, name), bytesOf(t, mem, "a.zst")
	if len(cold) >= len(data) {
		t.Errorf("%d bytes from %d", len(cold), len(data))
	}
	must(t, Import(mem, "a.zst", "b.shard"))
	if !slices.Equal(data, bytesOf(t, mem, "b.shard")) {
		t.Error("the shard comes back changed")
	}
	if err := Import(mem, "a.zst", "b.shard"); fault.ExitCode(err) != 3 {
		t.Errorf("import over a shard: %v", err)
	}
	for what, bad := range map[string][]byte{"empty": nil, "cut": cold[:len(cold)-9], "text": []byte("hello"), "half a header": cold[:5],
		"another frame behind": append(slices.Clone(cold), cold...)} {
		m := holds(t, "a.zst", bad)
		if err := Import(m, "a.zst", "b.shard"); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "a.zst") {
			t.Errorf("%s: %v", what, err)
		}
		if entries, _ := m.ReadDir("."); len(entries) != 1 {
			t.Errorf("%s leaves %v", what, entries)
		}
	}
	chance := rng.NewStream(5)
	for range 300 {
		i, bit := chance.IntN(len(cold)), chance.IntN(8)
		cold[i] ^= 1 << bit
		m := holds(t, "a.zst", cold)
		err := Import(m, "a.zst", "b.shard")
		if err == nil && !slices.Equal(data, bytesOf(t, m, "b.shard")) {
			t.Errorf("byte %d bit %d is imported changed", i, bit)
		}
		cold[i] ^= 1 << bit
	}
}
