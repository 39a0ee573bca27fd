package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

func bitsFor(level int) int { return bits.Len(uint(level)) }

// prefixed takes a part with a length of four bytes before it.
func prefixed(b []byte) (part, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("it is cut off")
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, fmt.Errorf("a part claims %d of %d bytes", n, len(b)-4)
	}
	return b[4 : 4+n], b[4+n:], nil
}

// runSlack is what the last run may hold beyond the page's values: writers pad it.
const runSlack = 512

// checkRuns walks the hybrid of run lengths and bit packing: the runs must end with the bytes and
// hold no more values than the page.
func checkRuns(b []byte, width, values int) error {
	total := uint64(0)
	for len(b) > 0 {
		head, n := binary.Uvarint(b)
		if n <= 0 {
			return errors.New("a run is cut off")
		}
		b = b[n:]
		count, size := head>>1, uint64((width+7)/8)
		if head&1 == 1 {
			if count > maxPageValues {
				return fmt.Errorf("a run claims %d times 8 values", count)
			}
			size = count * uint64(width)
			count *= 8
		}
		if total += count; count > maxPageValues*8 || total > uint64(values)+runSlack {
			return fmt.Errorf("its runs hold more than its %d values", values)
		}
		if size > uint64(len(b)) {
			// Writers may leave out the unused end of the last packed run.
			if head&1 == 0 || total < uint64(values) {
				return errors.New("a run goes past the end")
			}
			return nil
		}
		b = b[size:]
	}
	return nil
}

// plainDictionary is what older writers call RLEDictionary in a data page; the bytes are the same.
const plainDictionary format.Encoding = 2

// encoded checks the values part of a data page.
func (p *pageCheck) encoded(data []byte, values int, encoding format.Encoding) error {
	if values < 0 || values > maxPageValues {
		return fmt.Errorf("it claims %d values", values)
	}
	p.values = int64(values)
	if len(data) == 0 {
		return nil // all null
	}
	switch encoding {
	case format.Plain, format.ByteStreamSplit:
		return nil // the data bound what there can be
	case plainDictionary, format.RLEDictionary:
		if data[0] > 32 {
			return fmt.Errorf("its dictionary indices have %d bits", data[0])
		}
		return checkRuns(data[1:], int(data[0]), values)
	case format.RLE:
		runs, _, err := prefixed(data)
		if err != nil {
			return err
		}
		return checkRuns(runs, 1, values)
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		return checkDelta(data, values)
	}
	return fmt.Errorf("the encoding %s is not read; write the file with plain or dictionary encoding", encoding)
}

// checkDelta reads the header of delta encoding: block size, mini-blocks, count of values.
func checkDelta(b []byte, values int) error {
	for i := range 3 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return errors.New("its delta header is cut off")
		}
		if i == 2 && v > uint64(values) {
			return fmt.Errorf("its delta header claims %d values of %d", v, values)
		}
		b = b[n:]
	}
	return nil
}
