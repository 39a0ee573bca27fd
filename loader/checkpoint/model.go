package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Model is an open model. Path and the fields are for reading only.
type Model struct {
	Path          string
	Format        string // "safetensors", "gguf", or "config" when there are no weights
	Config        *Config
	Generation    GenerationConfig
	ChatTemplate  string            // source of the default template, empty: none
	TokenizerJSON []byte            // tokenizer.json, nil when there is none
	GGUFTokenizer *GGUFTokenizer    // nil for a directory
	Files         map[string][]byte // small side files that Write copies, by name
	Warnings      []string          // what was accepted but deserves a look, a sentence each

	weights weights // nil without weights
	hash    struct {
		once  sync.Once
		value string
		err   error
	}
}

// weights is where tensors come from. Names are Hugging Face names.
type weights interface {
	tensors() []TensorInfo
	read(name string, dst []float32) error
	stored(name string) *io.SectionReader // the bytes as stored, for hashing
	close() error
}

// Open opens a Hugging Face directory or a GGUF file and checks all of it against the config. The
// weights are not read.
func Open(path string) (*Model, error) {
	info, err := statInput(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openDirectory(path, true)
	}
	return openGGUF(path)
}

// OpenConfigOnly opens a directory or a config.json without touching weights, for models that get
// random ones. A GGUF file is opened as by Open.
func OpenConfigOnly(path string) (*Model, error) {
	info, err := statInput(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return openDirectory(path, false)
	case strings.HasSuffix(path, ".json"):
		return openConfigFile(path)
	}
	return openGGUF(path)
}

func statInput(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case path == "":
		return nil, fault.Inputf("the path of the model is empty; give a model directory or a GGUF file")
	case os.IsNotExist(err):
		return nil, fault.Inputf("%s: there is no such file or directory; give a model directory or a GGUF file", path)
	case err != nil:
		return nil, fault.Inputf("%s: it cannot be opened (%v); check path and permissions", path, cause(err))
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, fault.Inputf("%s: it is a %s; give a model directory or a GGUF file", path, fsys.Kind(info.Mode()))
	}
	return info, nil
}

// openRegular opens a file that the user named, without waiting on a pipe put in its place.
func openRegular(path string) (*os.File, int64, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, fault.Inputf("%s: the file cannot be opened (%v); check path and permissions", path, cause(err))
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, 0, fault.Inputf("%s: it is not a regular file; give a model directory or a GGUF file", path)
	}
	return file, info.Size(), nil
}

func openConfigFile(path string) (*Model, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, min(size, maxConfigBytes+1))
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, fault.Inputf("%s: the file cannot be read (%v); check the disk", path, err)
	}
	c, err := ParseConfig(data, path)
	if err != nil {
		return nil, err
	}
	return &Model{Path: path, Format: "config", Config: c, Files: map[string][]byte{}}, nil
}

// Tensors lists the stored weights by Hugging Face name in the order of the forward pass; without
// weights, those that the config calls for.
func (m *Model) Tensors() []TensorInfo {
	if m.weights == nil {
		return m.Config.Tensors()
	}
	return m.weights.tensors()
}

// Read fills dst with a tensor, row-major in Hugging Face layout, converted or dequantised to
// float32. dst must have exactly the tensor's elements.
func (m *Model) Read(name string, dst []float32) error {
	if m.weights == nil {
		return fault.Inputf("%s: tensor %s: the model was opened without weights; give a model with weights or ask for random ones", m.Path, name)
	}
	i := slices.IndexFunc(m.weights.tensors(), func(t TensorInfo) bool { return t.Name == name })
	if i < 0 {
		return fmt.Errorf("%s: the model has no tensor %s", m.Path, name)
	}
	if n := m.weights.tensors()[i].Elements(); n != len(dst) {
		return fmt.Errorf("%s: tensor %s has %d elements, the destination %d", m.Path, name, n, len(dst))
	}
	return m.weights.read(name, dst)
}

// Hash is the SHA-256, in hexadecimal, over the config and the stored bytes of all tensors: equal
// for equal models however they are cut into files. It reads the whole model, once. The error is
// that of a disk that fails or a file that changed.
func (m *Model) Hash() (string, error) {
	m.hash.once.Do(func() { m.hash.value, m.hash.err = m.computeHash() })
	return m.hash.value, m.hash.err
}

func (m *Model) computeHash() (string, error) {
	h := sha256.New()
	config, err := json.Marshal(m.Config)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "config %d\n%s\n", len(config), config)
	if m.weights == nil {
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	for _, t := range m.weights.tensors() {
		fmt.Fprintf(h, "tensor %s %s %v\n", t.Name, t.DType, t.Shape)
		r := m.weights.stored(t.Name)
		n, err := io.Copy(h, r)
		if err == nil && n != r.Size() {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", fault.Inputf("%s: tensor %s cannot be read: %w; the file changed or the disk failed", m.Path, t.Name, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Close releases the files. Reads after it fail.
func (m *Model) Close() error {
	if m.weights == nil {
		return nil
	}
	return m.weights.close()
}

// warnf notes something that was accepted.
func (m *Model) warnf(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}
