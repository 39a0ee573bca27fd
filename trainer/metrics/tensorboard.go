package metrics

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"path/filepath"

	"spar/internal/fsys"
)

// A TensorBoard event file is a list of records: little-endian u64 length, masked CRC32C of those 8 bytes, payload,
// masked CRC32C of the payload. The payload is the protocol buffer Event: 1 wall_time double, 2 step int64,
// 3 file_version string, 5 summary { 1 value { 1 tag, 2 simple_value float } }.

const eventsName = "events.out.tfevents.0000000000.spar"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mask hides checksums of data that holds checksums, as the format asks.
func mask(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

func writeEvent(w io.Writer, payload []byte) error {
	frame := binary.LittleEndian.AppendUint64(nil, uint64(len(payload)))
	frame = binary.LittleEndian.AppendUint32(frame, mask(frame))
	frame = append(frame, payload...)
	frame = binary.LittleEndian.AppendUint32(frame, mask(payload))
	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("TensorBoard event: %w", err)
	}
	return nil
}

const (
	wireVarint = 0
	wireI64    = 1
	wireBytes  = 2
	wireI32    = 5
)

func appendKey(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field<<3|wire))
}

func appendBytes(b []byte, field int, data []byte) []byte {
	b = appendKey(b, field, wireBytes)
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

func appendTime(b []byte, seconds float64) []byte {
	b = appendKey(b, 1, wireI64)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(seconds))
}

// versionEvent opens every event file.
func versionEvent(seconds float64) []byte {
	return appendBytes(appendTime(nil, seconds), 3, []byte("brain.Event:2"))
}

// recordEvent is a record as one Event, a scalar per value.
func recordEvent(r Record) []byte {
	b := appendTime(nil, r.Time)
	b = appendKey(b, 2, wireVarint)
	b = binary.AppendUvarint(b, uint64(r.Step))
	var summary []byte
	for _, name := range sortedNames(r.Values) {
		value := appendBytes(nil, 1, []byte(name))
		value = appendKey(value, 2, wireI32)
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(float32(r.Values[name])))
		summary = appendBytes(summary, 1, value)
	}
	return appendBytes(b, 5, summary)
}

// rewriteEvents replaces the event file by one that holds records, and opens it for appending.
func rewriteEvents(f fsys.FS, dir string, records []Record) (fsys.File, error) {
	if err := f.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	path := filepath.Join(dir, eventsName)
	start := 0.0
	if len(records) > 0 {
		start = records[0].Time
	}
	err := fsys.WriteFile(f, path, func(w io.Writer) error {
		var b bytes.Buffer
		if err := writeEvent(&b, versionEvent(start)); err != nil {
			return err
		}
		for _, r := range records {
			if err := writeEvent(&b, recordEvent(r)); err != nil {
				return err
			}
		}
		_, err := w.Write(b.Bytes())
		return err
	})
	if err != nil {
		return nil, err
	}
	return f.Append(path)
}
