package trainer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"

	"spar/internal/fault"
	"spar/internal/fsys"
)

const maxLinesBytes = 16 << 30

// writeLines writes values as JSON lines.
func writeLines[T any](f fsys.FS, path string, lines []T) error {
	if err := fsys.MakeDir(f, filepath.Dir(path)); err != nil {
		return err
	}
	return fsys.WriteFile(f, path, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		enc := json.NewEncoder(b)
		for _, line := range lines {
			if err := enc.Encode(line); err != nil {
				return err
			}
		}
		return b.Flush()
	})
}

// readLines reads what writeLines wrote.
func readLines[T any](f fsys.FS, path string) ([]T, error) {
	data, err := fsys.ReadFile(f, path, maxLinesBytes)
	if err != nil {
		return nil, err
	}
	var out []T
	for number := 1; len(data) > 0; number++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		var x T
		if err := json.Unmarshal(line, &x); err != nil {
			return nil, fault.Inputf("%s:%d: %w", path, number, err)
		}
		out, data = append(out, x), rest
	}
	return out, nil
}
