package checkpoint

import (
	"strings"
	"unicode/utf8"

	"spar/internal/fault"
	"spar/internal/strictjson"
)

// Limits of the files beside the weights.
const (
	maxTokenizerBytes = 128 << 20
	maxSideBytes      = 16 << 20
	maxTemplateBytes  = 256 << 10
)

const (
	configName          = "config.json"
	generationName      = "generation_config.json"
	tokenizerName       = "tokenizer.json"
	tokenizerConfigName = "tokenizer_config.json"
	templateName        = "chat_template.jinja"
)

// sideFiles are copied from model to model: what transformers needs beside config, weights and
// tokenizer.json, and the licence.
var sideFiles = []string{
	generationName, tokenizerConfigName, templateName, "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "tokenizer.model", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE",
}

func openDirectory(dir string, withWeights bool) (*Model, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if !f.exists(configName) {
		return nil, noConfig(f)
	}
	data, err := f.read(configName, maxConfigBytes)
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(data, f.join(configName))
	if err != nil {
		return nil, err
	}
	m := &Model{Path: dir, Format: "config", Config: c, Files: map[string][]byte{}}
	if err := m.readSideFiles(f); err != nil {
		return nil, err
	}
	if withWeights {
		return m, m.openWeights(f)
	}
	return m, nil
}

// noConfig explains a directory without config.json.
func noConfig(f *folder) error {
	names := listSome(f)
	if len(names) == 0 {
		return fault.Inputf("%s: the directory is empty; download the model into it", f.path)
	}
	for _, name := range names {
		switch {
		case name == "snapshots":
			return fault.Inputf("%s: this is a download cache; give the folder of one revision inside %s", f.path, f.join(name))
		case strings.HasSuffix(name, ".gguf"):
			return fault.Inputf("%s: the directory has no %s; give the path of the GGUF file %s itself", f.path, configName, f.join(name))
		}
	}
	return fault.Inputf("%s: the directory has no %s; give a model directory or a GGUF file", f.path, configName)
}

func (m *Model) openWeights(f *folder) error {
	s, err := openShards(f)
	if err != nil {
		return err
	}
	unused, err := s.match(m.Config)
	if err != nil {
		s.close()
		return err
	}
	if len(unused) > 0 {
		m.warnf("%s: %d stored tensors are not used, the first is %s", m.Path, len(unused), unused[0])
	}
	m.Format, m.weights = "safetensors", s
	m.Config.DType = commonType(s.list)
	return nil
}

// commonType is the type that holds most elements.
func commonType(list []TensorInfo) string {
	count := map[string]int{}
	best := ""
	for _, t := range list {
		count[t.DType] += t.Elements()
		if best == "" || count[t.DType] > count[best] {
			best = t.DType
		}
	}
	return best
}

func (m *Model) readSideFiles(f *folder) error {
	for _, name := range sideFiles {
		if !f.exists(name) {
			continue
		}
		data, err := f.read(name, maxSideBytes)
		if err != nil {
			return err
		}
		m.Files[name] = data
	}
	var err error
	if f.exists(tokenizerName) {
		if m.TokenizerJSON, err = f.read(tokenizerName, maxTokenizerBytes); err != nil {
			return err
		}
	}
	if m.Generation, err = parseGeneration(m.Files[generationName], f.join(generationName), m.Config); err != nil {
		return err
	}
	return m.findTemplate(f)
}

// findTemplate takes the chat template from chat_template.jinja, else from tokenizer_config.json.
func (m *Model) findTemplate(f *folder) error {
	where := f.join(templateName)
	file, hasFile := m.Files[templateName]
	inside, hasInside, err := templateInside(m.Files[tokenizerConfigName], f.join(tokenizerConfigName))
	switch {
	case err != nil:
		return err
	case hasFile:
		m.ChatTemplate = string(file)
		if hasInside && inside != m.ChatTemplate {
			m.warnf("%s: the chat template differs from the one in %s; the file is used, as in transformers", where, tokenizerConfigName)
		}
	case hasInside:
		m.ChatTemplate = inside
		where = f.join(tokenizerConfigName)
	}
	return checkTemplate(m.ChatTemplate, where)
}

func checkTemplate(source, where string) error {
	if len(source) > maxTemplateBytes {
		return fault.Inputf("%s: the chat template has %d bytes, over the limit of %d; shorten it", where, len(source), maxTemplateBytes)
	}
	if !utf8.ValidString(source) {
		return fault.Inputf("%s: the chat template is not valid UTF-8; save it as UTF-8", where)
	}
	return nil
}

// templateInside finds the chat template of a tokenizer_config.json: a string, or a list of named
// templates of which "default" counts.
func templateInside(data []byte, name string) (source string, found bool, err error) {
	if data == nil {
		return "", false, nil
	}
	root, r, err := strictjson.Parse(data, name, maxConfigDepth)
	if err != nil {
		return "", false, err
	}
	v, ok := root.Get("chat_template")
	switch {
	case !ok || v.Kind == 'n':
		return "", false, nil
	case v.Kind == '"':
		return v.Text, true, nil
	case v.Kind != '[':
		return "", false, r.ErrorAt(v.At, "chat_template must be a string or a list of named templates; correct it")
	}
	for _, item := range v.Items {
		label, _ := item.Get("name")
		text, _ := item.Get("template")
		if label.Text == "default" && text.Kind == '"' {
			return text.Text, true, nil
		}
	}
	return "", false, r.ErrorAt(v.At, "chat_template is a list without a template named default; name one default")
}
