package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"spar/internal/fault"
	"spar/internal/fsys"
)

const maxFooter = 16 << 20

// parquetRows reads the rows of a Parquet file. Row groups are checked (see parquet_check.go) before the
// library decodes them, because it allocates what headers claim.
type parquetRows struct {
	name   string
	file   fsys.File
	pq     *parquet.File
	group  int // index of the next row group
	rows   parquet.Rows
	buffer [1]parquet.Row
	row    int
}

func openParquet(file fsys.File, name string) (source, error) {
	p := &parquetRows{name: name, file: file}
	if err := p.guard(p.open); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *parquetRows) fail(format string, args ...any) error {
	return fault.Inputf("%s: %w", p.name, fault.Inputf(format, args...))
}

// guard turns a panic of the library on bad bytes into an error.
func (p *parquetRows) guard(run func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = p.fail("the Parquet data is damaged (row group %d, after row %d): %v", p.group, p.row, v)
		}
	}()
	return run()
}

func (p *parquetRows) open() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	footer, err := p.footer(size)
	if err != nil {
		return err
	}
	if why := checkFooter(footer); why != "" {
		return p.fail("the Parquet footer is damaged: %s", why)
	}
	p.pq, err = parquet.OpenFile(p.file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return p.fail("not a Parquet file that can be read: %w", err)
	}
	if depth := depthOf(p.pq.Root()); depth > maxNesting {
		return p.fail("columns are nested %d deep; at most %d are read", depth, maxNesting)
	}
	return nil
}

// footer reads the file's metadata after checking its claimed length.
func (p *parquetRows) footer(size int64) ([]byte, error) {
	var tail [8]byte
	if size < 12 {
		return nil, p.fail("not a Parquet file: it has %d bytes", size)
	}
	if _, err := p.file.ReadAt(tail[:], size-8); err != nil {
		return nil, p.fail("%w", err)
	}
	switch string(tail[4:]) {
	case "PAR1":
	case "PARE":
		return nil, p.fail("the Parquet file is encrypted; decrypt it first")
	default:
		return nil, p.fail("not a Parquet file, or its end is missing")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 || n > maxFooter {
		return nil, p.fail("the Parquet footer claims %d bytes of a file of %d; at most %d are read", n, size, maxFooter)
	}
	footer := make([]byte, n)
	_, err := p.file.ReadAt(footer, size-8-n)
	return footer, err
}

func (p *parquetRows) close() error {
	var err error
	if p.rows != nil {
		err = p.guard(p.rows.Close)
	}
	return errors.Join(err, p.file.Close())
}

func (p *parquetRows) next() (row Row, err error) {
	err = p.guard(func() error { row, err = p.read(); return err })
	return row, err
}

func (p *parquetRows) read() (Row, error) {
	for {
		if p.rows == nil {
			if err := p.openGroup(); err != nil {
				return Row{}, err
			}
		}
		n, err := p.rows.ReadRows(p.buffer[:])
		if n == 1 {
			return p.convert(p.buffer[0])
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Row{}, p.fail("the Parquet data is damaged after row %d: %w", p.row, err)
		}
		if err == nil {
			continue
		}
		if err := p.rows.Close(); err != nil {
			return Row{}, p.fail("row group %d: %w", p.group, err)
		}
		p.rows = nil
	}
}

func (p *parquetRows) openGroup() error {
	groups := p.pq.RowGroups()
	if p.group == len(groups) {
		if want := p.pq.NumRows(); int64(p.row) != want {
			return p.fail("the Parquet footer claims %d rows and there are %d; the file is damaged", want, p.row)
		}
		return io.EOF
	}
	c := groupCheck{file: p.file, pq: p.pq, size: p.pq.Size()}
	if why := c.run(p.group); why != "" {
		return p.fail("the Parquet data of row group %d is damaged or not supported: %s", p.group, why)
	}
	p.rows = groups[p.group].Rows()
	p.group++
	return nil
}

func (p *parquetRows) convert(values parquet.Row) (Row, error) {
	p.row++
	columns := make([][]parquet.Value, 0, len(p.pq.Root().Columns()))
	values.Range(func(_ int, column []parquet.Value) bool { columns = append(columns, column); return true })
	v, why := assemble(p.pq.Root(), columns, 0, 0)
	if why == nil {
		row, err := rowOf(withoutNulls(v))
		if err == nil {
			row.Line = p.row
			return row, nil
		}
		why = err
	}
	return Row{}, &rowError{p.row, fmt.Errorf("%s: row %d: %w", p.name, p.row, fault.Inputf("%w", why))}
}
