package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader/checkpoint/dtype"
	"spar/loader/checkpoint/safetensors"
)

// DefaultShardBytes is the size above which weights go into several files.
const DefaultShardBytes = 5 << 30

// WriteOptions say what Write writes.
type WriteOptions struct {
	DType      string // F32, F16 or BF16
	ShardBytes int64  // most bytes of weights in a file, 0: DefaultShardBytes; a larger tensor gets its own

	// Tensor gives the values of a tensor, which may be overwritten after the next call; nil: those
	// of the model.
	Tensor func(name string) ([]float32, error)

	TokenizerJSON []byte // instead of the model's
}

// Write writes the model as a Hugging Face directory that transformers loads: config.json,
// generation_config.json, the weights in shards, tokenizer.json, side files and chat template. dir
// must not exist or be empty. Everything is written to dir.tmp, synced and renamed, so that dir is
// whole or absent whatever happens. The same model and options give the same bytes.
func Write(f fsys.FS, dir string, m *Model, o WriteOptions) error {
	dir = filepath.Clean(dir)
	if o.ShardBytes == 0 {
		o.ShardBytes = DefaultShardBytes
	}
	if dtype.Type(o.DType).Size() == 0 {
		return fault.Usagef("%s: weights cannot be written as %q; supported are %s", dir, o.DType, dtype.Supported)
	}
	if err := checkTarget(f, dir); err != nil {
		return err
	}
	temp := dir + fsys.TempSuffix
	if err := f.RemoveAll(temp); err != nil {
		return fmt.Errorf("%s: the remains of an earlier write cannot be removed: %w", temp, err)
	}
	if err := writeDirectory(f, temp, m, o); err != nil {
		return errors.Join(err, f.RemoveAll(temp))
	}
	if err := publish(f, temp, dir); err != nil {
		return errors.Join(fmt.Errorf("%s: the finished directory cannot be renamed: %w", dir, err), f.RemoveAll(temp))
	}
	return f.SyncDir(filepath.Dir(dir))
}

// publish gives the finished directory its name; an empty directory of that name makes way.
func publish(f fsys.FS, temp, dir string) error {
	if err := f.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.Rename(temp, dir)
}

// checkTarget refuses to write over something.
func checkTarget(f fsys.FS, dir string) error {
	info, err := f.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.Inputf("%s: the output directory cannot be looked at: %w; check path and permissions", dir, err)
	case !info.IsDir():
		return fault.Inputf("%s: the output directory is a file; give another path", dir)
	}
	entries, err := f.ReadDir(dir)
	if err != nil {
		return fault.Inputf("%s: the output directory cannot be read: %w; check its permissions", dir, err)
	}
	if len(entries) > 0 {
		return fault.Inputf("%s: the output directory is not empty (it holds %s); give a new one", dir, entries[0].Name())
	}
	return nil
}

func writeDirectory(f fsys.FS, dir string, m *Model, o WriteOptions) error {
	if err := fsys.MakeDir(f, dir); err != nil {
		return fmt.Errorf("%s: the output directory cannot be made: %w", dir, err)
	}
	small, err := smallFiles(m, o)
	if err != nil {
		return err
	}
	for _, s := range small {
		if err := writeFile(f, filepath.Join(dir, s.name), func(w io.Writer) error { _, err := w.Write(s.data); return err }); err != nil {
			return err
		}
	}
	if err := writeWeights(f, dir, m, o); err != nil {
		return err
	}
	return f.SyncDir(dir)
}

// writeFile writes and syncs a file of a directory that is not visible yet.
func writeFile(f fsys.FS, name string, write func(io.Writer) error) error {
	file, err := f.Create(name)
	if err != nil {
		return fmt.Errorf("%s: the file cannot be created: %w", name, err)
	}
	if err = write(file); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s: the file cannot be written: %w", name, err)
	}
	return nil
}

func writeWeights(f fsys.FS, dir string, m *Model, o WriteOptions) error {
	values := o.Tensor
	if values == nil {
		values = m.reader()
	}
	t := dtype.Type(o.DType)
	shards := split(m.Config.Tensors(), int64(t.Size()), o.ShardBytes)
	weightMap, total := &object{}, int64(0)
	for i, entries := range shards {
		name := singleName
		if len(shards) > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		}
		for _, e := range entries {
			weightMap.put(e.Name, name)
			total += int64(e.Elements() * t.Size())
		}
		err := writeFile(f, filepath.Join(dir, name), func(w io.Writer) error { return safetensors.Write(w, t, entries, values) })
		if err != nil {
			return err
		}
	}
	if len(shards) == 1 {
		return nil
	}
	metadata, index := &object{}, &object{}
	metadata.put("total_size", total)
	index.put("metadata", metadata)
	index.put("weight_map", weightMap)
	data, err := index.indented()
	if err != nil {
		return err
	}
	return writeFile(f, filepath.Join(dir, indexName), func(w io.Writer) error { _, err := w.Write(data); return err })
}

// reader reads tensors of the model into one growing buffer.
func (m *Model) reader() func(name string) ([]float32, error) {
	var buf []float32
	size := map[string]int{}
	for _, t := range m.Tensors() {
		size[t.Name] = t.Elements()
	}
	return func(name string) ([]float32, error) {
		if n := size[name]; n > cap(buf) {
			buf = make([]float32, n)
		}
		buf = buf[:size[name]]
		return buf, m.Read(name, buf)
	}
}

// split cuts the tensors, in their order, into runs of at most limit bytes.
func split(tensors []TensorInfo, elementBytes, limit int64) [][]safetensors.Entry {
	var shards [][]safetensors.Entry
	used := limit
	for _, t := range tensors {
		bytes := int64(t.Elements()) * elementBytes
		if used+bytes > limit || len(shards) == 0 {
			shards = append(shards, nil)
			used = 0
		}
		used += bytes
		last := len(shards) - 1
		shards[last] = append(shards[last], safetensors.Entry{Name: t.Name, Shape: t.Shape})
	}
	return shards
}

type smallFile struct {
	name string
	data []byte
}

// smallFiles are the files beside the weights, in a fixed order.
func smallFiles(m *Model, o WriteOptions) ([]smallFile, error) {
	c := *m.Config
	c.DType = o.DType
	config, err := indent(json.Marshal(&c))
	if err != nil {
		return nil, err
	}
	files := []smallFile{{configName, config}}
	for _, name := range sideFiles {
		data, ok := m.Files[name]
		switch {
		case ok:
		case name == generationName:
			data, err = indent(m.Generation.marshal(m.Config))
		case name == tokenizerConfigName && m.GGUFTokenizer != nil:
			data, err = indent(m.GGUFTokenizer.tokenizerConfig(m.Config))
		case name == templateName && m.GGUFTokenizer != nil && m.ChatTemplate != "":
			data = []byte(m.ChatTemplate)
		}
		if err != nil {
			return nil, err
		}
		if data != nil {
			files = append(files, smallFile{name, data})
		}
	}
	tokenizer := o.TokenizerJSON
	if tokenizer == nil {
		tokenizer = m.TokenizerJSON
	}
	if tokenizer != nil {
		files = append(files, smallFile{tokenizerName, tokenizer})
	}
	return files, nil
}

// tokenizerConfig is the tokenizer_config.json of a model that came without one.
func (t *GGUFTokenizer) tokenizerConfig(c *Config) ([]byte, error) {
	o := &object{}
	o.put("tokenizer_class", "PreTrainedTokenizerFast")
	for _, s := range []struct {
		key string
		id  int
	}{{"bos_token", t.BOS}, {"eos_token", t.EOS}, {"pad_token", t.Pad}, {"unk_token", t.Unknown}} {
		if s.id >= 0 && s.id < len(t.Tokens) {
			o.put(s.key, t.Tokens[s.id])
		}
	}
	o.put("clean_up_tokenization_spaces", false)
	o.put("model_max_length", c.MaxPositions)
	return o.bytes()
}
