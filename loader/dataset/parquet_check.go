package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"spar/internal/fsys"
)

const (
	maxPage       = 256 << 20 // bytes, before and after compression
	maxPageHead   = 1 << 20
	maxPageValues = 16 << 20
)

// groupCheck looks through the pages of a row group before they are decoded, so that nothing is
// allocated on the word of a header: sizes, decompressed sizes, run lengths and value counts must all fit.
type groupCheck struct {
	file fsys.File
	pq   *parquet.File
	size int64
}

// run checks a row group; "" when it is sound.
func (c *groupCheck) run(group int) string {
	meta := c.pq.Metadata().RowGroups[group]
	leaves := leafColumns(c.pq.Root(), nil)
	if len(meta.Columns) != len(leaves) {
		return fmt.Sprintf("%d column chunks for %d columns", len(meta.Columns), len(leaves))
	}
	for i, leaf := range leaves {
		if err := c.chunk(&meta.Columns[i].MetaData, leaf); err != nil {
			return fmt.Sprintf("column %s: %v", leaf.Name(), err)
		}
	}
	return ""
}

func leafColumns(c *parquet.Column, leaves []*parquet.Column) []*parquet.Column {
	if c.Leaf() {
		return append(leaves, c)
	}
	for _, child := range c.Columns() {
		leaves = leafColumns(child, leaves)
	}
	return leaves
}

func (c *groupCheck) chunk(m *format.ColumnMetaData, leaf *parquet.Column) error {
	at, left := m.DataPageOffset, m.TotalCompressedSize
	if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < at {
		at = m.DictionaryPageOffset
	}
	if at < 4 || left < 0 || at > c.size || left > c.size-at {
		return fmt.Errorf("it claims %d bytes at %d of a file of %d", left, at, c.size)
	}
	values := int64(0)
	for left > 0 {
		header, n, err := c.header(at, left)
		if err != nil {
			return err
		}
		at, left = at+int64(n), left-int64(n)
		compressed := int64(header.CompressedPageSize)
		if compressed < 0 || compressed > min(left, maxPage) || header.UncompressedPageSize < 0 || header.UncompressedPageSize > maxPage {
			return fmt.Errorf("a page claims %d bytes, %d decompressed, of %d that are left", compressed, header.UncompressedPageSize, left)
		}
		body := make([]byte, compressed)
		if _, err := c.file.ReadAt(body, at); err != nil {
			return err
		}
		p := pageCheck{header: header, codec: m.Codec, leaf: leaf}
		if err := p.run(body); err != nil {
			return fmt.Errorf("the page at byte %d: %w", at, err)
		}
		at, left, values = at+compressed, left-compressed, values+p.values
	}
	if values != m.NumValues {
		return fmt.Errorf("its pages hold %d values and it claims %d", values, m.NumValues)
	}
	return nil
}

// header reads the page header at a place, which has n bytes.
func (c *groupCheck) header(at, left int64) (h *format.PageHeader, n int, err error) {
	b := make([]byte, min(left, 4096))
	for {
		if _, err := c.file.ReadAt(b, at); err != nil {
			return nil, 0, err
		}
		w := thriftWalk{b: b}
		if w.structure(0) {
			h = new(format.PageHeader)
			err := thrift.NewDecoder(new(thrift.CompactProtocol).NewReaderFromBytes(b[:w.at])).Decode(h)
			return h, w.at, err
		}
		if int64(len(b)) == min(left, maxPageHead) {
			return nil, 0, fmt.Errorf("a page header is damaged: %s", w.why)
		}
		b = make([]byte, min(left, maxPageHead, int64(len(b))*16)) // statistics may be long
	}
}

// pageCheck looks through one page.
type pageCheck struct {
	header *format.PageHeader
	codec  format.CompressionCodec
	leaf   *parquet.Column
	values int64 // of a data page
}

func (p *pageCheck) run(body []byte) error {
	size := int(p.header.UncompressedPageSize)
	switch h := p.header; {
	case h.DictionaryPageHeader.Valid:
		if n := h.DictionaryPageHeader.V.NumValues; n < 0 || n > maxPageValues {
			return fmt.Errorf("a dictionary claims %d values", n)
		}
		_, err := p.decompress(body, size)
		return err
	case h.DataPageHeader.Valid:
		d := h.DataPageHeader.V
		if d.DefinitionLevelEncoding != format.RLE && p.leaf.MaxDefinitionLevel() > 0 || d.RepetitionLevelEncoding != format.RLE && p.leaf.MaxRepetitionLevel() > 0 {
			return errors.New("levels in the bit-packed encoding of old writers are not read; write the file again")
		}
		data, err := p.decompress(body, size)
		if err != nil {
			return err
		}
		return p.dataV1(data, int(d.NumValues), d.Encoding)
	case h.DataPageHeaderV2.Valid:
		return p.dataV2(body, size)
	}
	if p.header.Type == format.IndexPage {
		return nil
	}
	return fmt.Errorf("a page of unknown type %d", p.header.Type)
}

func (p *pageCheck) dataV1(data []byte, values int, encoding format.Encoding) error {
	for _, level := range []int{p.leaf.MaxRepetitionLevel(), p.leaf.MaxDefinitionLevel()} {
		if level == 0 {
			continue
		}
		levels, rest, err := prefixed(data)
		if err != nil {
			return err
		}
		if err := checkRuns(levels, bitsFor(level), values); err != nil {
			return err
		}
		data = rest
	}
	return p.encoded(data, values, encoding)
}

func (p *pageCheck) dataV2(body []byte, size int) error {
	d := p.header.DataPageHeaderV2.V
	rep, def := int(d.RepetitionLevelsByteLength), int(d.DefinitionLevelsByteLength)
	if rep < 0 || def < 0 || rep > len(body) || def > len(body)-rep || rep+def > size {
		return errors.New("its levels do not fit")
	}
	values := int(d.NumValues)
	if err := checkRuns(body[:rep], bitsFor(p.leaf.MaxRepetitionLevel()), values); err != nil {
		return err
	}
	if err := checkRuns(body[rep:rep+def], bitsFor(p.leaf.MaxDefinitionLevel()), values); err != nil {
		return err
	}
	data := body[rep+def:]
	if !d.IsCompressed.Valid || d.IsCompressed.V {
		var err error
		if data, err = p.decompress(data, size-rep-def); err != nil {
			return err
		}
	}
	return p.encoded(data, values, d.Encoding)
}

// decompress returns exactly size bytes or an error, without ever holding more.
func (p *pageCheck) decompress(body []byte, size int) ([]byte, error) {
	var in io.Reader
	switch p.codec {
	case format.Uncompressed:
		in = bytes.NewReader(body)
	case format.Snappy:
		n, err := snappy.DecodedLen(body)
		if err != nil || n != size {
			return nil, fmt.Errorf("its snappy data claims %d bytes and the page %d", n, size)
		}
		return snappy.Decode(make([]byte, size), body)
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		in = z
	case format.Zstd:
		if size == 0 && len(body) == 0 {
			return nil, nil
		}
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		in = z
	default:
		return nil, fmt.Errorf("the compression %s is not read; write the file with snappy, gzip or zstd", p.codec)
	}
	data, err := io.ReadAll(io.LimitReader(in, int64(size)+1))
	if err != nil {
		return nil, err
	}
	if len(data) != size {
		return nil, fmt.Errorf("it decompresses to %d bytes or more and claims %d", len(data), size)
	}
	return data, nil
}
