package checkpoint

import (
	"path/filepath"
	"strings"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Convert writes the model at src, of any format, to the new directory dst with the given dtype
// (F32, F16 or BF16). tokenizerJSON makes tokenizer.json for a model that has none (a GGUF file); it
// may be nil. dst must not be src or lie inside it.
func Convert(f fsys.FS, src, dst, dtype string, tokenizerJSON func(*Model) ([]byte, error)) error {
	if err := apart(src, dst); err != nil {
		return err
	}
	m, err := Open(src)
	if err != nil {
		return err
	}
	defer m.Close()
	o := WriteOptions{DType: dtype}
	if m.TokenizerJSON == nil && tokenizerJSON != nil {
		if o.TokenizerJSON, err = tokenizerJSON(m); err != nil {
			return err
		}
	}
	return Write(f, dst, m, o)
}

// apart refuses an output directory that is the input or inside it, links followed.
func apart(src, dst string) error {
	from, to := resolved(src), resolved(dst)
	if rel, err := filepath.Rel(from, to); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fault.Inputf("%s: the output lies in the input %s; give a directory elsewhere", dst, src)
	}
	return nil
}

// resolved is the absolute path with links followed as far as the path exists.
func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	for dir, rest := abs, ""; ; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		if dir == filepath.Dir(dir) {
			return abs
		}
	}
}
