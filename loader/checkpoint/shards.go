package checkpoint

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"spar/internal/fault"
	"spar/internal/strictjson"
	"spar/loader/checkpoint/safetensors"
)

const (
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
)

// shards are the weights of a Hugging Face directory. The files stay open, so that what was checked
// is what is read.
type shards struct {
	where  string
	files  []*os.File
	list   []TensorInfo
	byName map[string]shardTensor
}

type shardTensor struct {
	file *safetensors.File
	name string
	safetensors.Tensor
}

func openShards(f *folder) (*shards, error) {
	single, index := f.exists(singleName), f.exists(indexName)
	s := &shards{where: f.path, byName: map[string]shardTensor{}}
	var err error
	switch {
	case single && index:
		return nil, fault.Inputf("%s: both %s and %s are there; remove the one that is out of date", f.path, singleName, indexName)
	case single:
		err = s.add(f, singleName, nil)
	case index:
		err = s.addIndex(f)
	default:
		return nil, noWeights(f)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// noWeights explains a directory without safetensors by what is there instead.
func noWeights(f *folder) error {
	for _, name := range listSome(f) {
		switch {
		case strings.HasPrefix(name, "pytorch_model") || strings.HasSuffix(name, ".pt") || strings.HasSuffix(name, ".pth"):
			return fault.Inputf("%s: a pickle file can run code and is never opened; convert it to safetensors with save_pretrained of transformers", f.join(name))
		case strings.HasSuffix(name, ".gguf"):
			return fault.Inputf("%s: the directory holds GGUF and no %s; give the path of the GGUF file itself", f.join(name), singleName)
		case strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".gz"):
			return fault.Inputf("%s: archives are not unpacked; unpack it yourself", f.join(name))
		}
	}
	return fault.Inputf("%s: there is neither %s nor %s; download the weights", f.path, singleName, indexName)
}

// listSome returns up to a thousand names of the directory.
func listSome(f *folder) []string {
	d, err := f.root.Open(f.below)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(1000) // a short list serves the message as well
	slices.Sort(names)
	return names
}

func (s *shards) addIndex(f *folder) error {
	data, err := f.read(indexName, maxIndexBytes)
	if err != nil {
		return err
	}
	shardOf, names, err := parseIndex(data, f.join(indexName))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.add(f, name, shardOf); err != nil {
			return err
		}
	}
	for tensor, shard := range shardOf {
		if _, ok := s.byName[tensor]; !ok {
			return fault.Inputf("%s: tensor %s is not in %s; download the model again", f.join(indexName), strictjson.Quote(tensor), shard)
		}
	}
	return nil
}

// add opens one shard. shardOf is nil without an index.
func (s *shards) add(f *folder, name string, shardOf map[string]string) error {
	file, size, err := f.open(name)
	if err != nil {
		return err
	}
	s.files = append(s.files, file)
	parsed, err := safetensors.Open(file, size, f.join(name))
	if err != nil {
		return err
	}
	for _, t := range parsed.Tensors {
		if earlier, twice := s.byName[t.Name]; twice {
			return fault.Inputf("%s: tensor %s is also in %s; remove one file", f.join(name), strictjson.Quote(t.Name), earlier.name)
		}
		if shardOf != nil && shardOf[t.Name] != name {
			return fault.Inputf("%s: tensor %s is in the file but not there in %s; download the model again", f.join(name), strictjson.Quote(t.Name), indexName)
		}
		s.byName[t.Name] = shardTensor{parsed, path.Base(name), t}
	}
	return nil
}

// match checks the stored tensors against the config and puts them into its order. It returns what
// was left out: stored buffers that the model does not use.
func (s *shards) match(c *Config) (unused []string, err error) {
	if unused, err = s.dropUnused(c); err != nil {
		return nil, err
	}
	stored := map[string]TensorInfo{}
	for name, t := range s.byName {
		stored[name] = TensorInfo{Name: name, Shape: t.Shape, DType: string(t.DType)}
	}
	s.list, err = matchTensors(s.where, c, stored)
	return unused, err
}

// dropUnused removes what old writers store beside the weights: the rotary frequencies, and a copy
// of a tied embedding as the head, which must be the same bytes.
func (s *shards) dropUnused(c *Config) (unused []string, err error) {
	for name := range s.byName {
		if strings.HasSuffix(name, ".rotary_emb.inv_freq") {
			unused = append(unused, name)
		}
	}
	head, hasHead := s.byName[headName]
	embed, hasEmbed := s.byName[embedName]
	if c.TieEmbeddings && hasHead && hasEmbed {
		same, err := sameBytes(head, embed)
		if err != nil {
			return nil, fault.Inputf("%s: %s cannot be compared with %s: %w; check the disk", s.where, headName, embedName, err)
		}
		if !same {
			return nil, fault.Inputf("%s: tie_word_embeddings is true but %s differs from %s; set it to false or remove %s", s.where, headName, embedName, headName)
		}
		unused = append(unused, headName)
	}
	for _, name := range unused {
		delete(s.byName, name)
	}
	slices.Sort(unused)
	return unused, nil
}

func sameBytes(a, b shardTensor) (bool, error) {
	if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) {
		return false, nil
	}
	x, y := a.file.Section(a.Tensor), b.file.Section(b.Tensor)
	p, q := make([]byte, 1<<18), make([]byte, 1<<18)
	for {
		n, err := io.ReadFull(x, p)
		if m, _ := io.ReadFull(y, q); m != n || !bytes.Equal(p[:n], q[:m]) {
			return false, nil
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return true, nil
		default:
			return false, err
		}
	}
}

// matchTensors compares stored tensors with those of the config, and lists up to ten differences.
func matchTensors(where string, c *Config, stored map[string]TensorInfo) ([]TensorInfo, error) {
	if c.NumLayers > len(stored)+10 { // a list of so many missing names would say less
		return nil, fault.Inputf("%s: the config (%s) has %d layers but there are only %d tensors; use the config that belongs to the weights", where, c.Architecture, c.NumLayers, len(stored))
	}
	var list []TensorInfo
	var wrong []string
	for _, want := range c.Tensors() {
		got, ok := stored[want.Name]
		delete(stored, want.Name)
		switch {
		case !ok:
			wrong = append(wrong, want.Name+" is missing")
		case !slices.Equal(got.Shape, want.Shape):
			wrong = append(wrong, fmt.Sprintf("%s has shape %v instead of %v", want.Name, got.Shape, want.Shape))
		}
		list = append(list, got)
	}
	var extra []string
	for name := range stored {
		extra = append(extra, strictjson.Quote(name)+" is not part of the model")
	}
	slices.Sort(extra)
	wrong = append(wrong, extra...)
	if len(wrong) == 0 {
		return list, nil
	}
	more := ""
	if len(wrong) > 10 {
		more = fmt.Sprintf(" and %d more", len(wrong)-10)
		wrong = wrong[:10]
	}
	return nil, fault.Inputf("%s: the tensors do not match the config (%s): %s%s; use the config that belongs to the weights", where, c.Architecture, strings.Join(wrong, ", "), more)
}

func (s *shards) tensors() []TensorInfo { return s.list }

func (s *shards) read(name string, dst []float32) error {
	t := s.byName[name]
	r := t.file.Section(t.Tensor)
	size := t.DType.Size()
	buf := make([]byte, min(len(dst)*size, 1<<18))
	for len(dst) > 0 {
		n := min(len(dst), len(buf)/size)
		if _, err := io.ReadFull(r, buf[:n*size]); err != nil {
			return fault.Inputf("%s: tensor %s cannot be read: %w; the file changed or the disk failed", path.Join(s.where, t.name), name, err)
		}
		t.DType.Decode(dst[:n], buf[:n*size])
		dst = dst[n:]
	}
	return nil
}

func (s *shards) stored(name string) *io.SectionReader {
	t := s.byName[name]
	return t.file.Section(t.Tensor)
}

func (s *shards) close() error {
	var first error
	for _, f := range s.files {
		if err := f.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
