package config

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"spar/internal/fault"

	"go.yaml.in/yaml/v4"
)

func inputError(name string, err error) error { return fault.Inputf("%s: %w", name, err) }

// Parse reads a config from memory; name stands for the file in messages.
func Parse(data []byte, name string) (*Config, error) {
	c, problems, err := decode(data, name)
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		problems = c.conflicts()
	}
	if len(problems) > 0 {
		return nil, fault.Inputf("%s", strings.Join(problems, "\n"))
	}
	return c, nil
}

// decode reads a config key by key and lists the keys and values that are wrong by themselves.
func decode(data []byte, name string) (*Config, []string, error) {
	root, err := document(data, name)
	if err != nil {
		return nil, nil, err
	}
	c := &Config{name: name, keyAt: map[string]position{}}
	setDefaults(reflect.ValueOf(c).Elem())
	d := decoder{name: name, keyAt: c.keyAt}
	d.mapping(root, reflect.ValueOf(c).Elem(), "")
	c.applyPreset()
	return c, d.problems, nil
}

// Default is a config with the given model, algorithm and training data and defaults for the rest.
func Default(model, algorithm, train string) *Config {
	c := &Config{name: "config", keyAt: map[string]position{}}
	setDefaults(reflect.ValueOf(c).Elem())
	c.Model, c.Algorithm, c.Data.Train = model, algorithm, train
	c.applyPreset()
	return c
}

// document parses exactly one YAML document whose root is a mapping.
func document(data []byte, name string) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(strings.NewReader(string(data)))
	if err != nil {
		return nil, inputError(name, err)
	}
	var doc, more yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) {
		return nil, fault.Inputf("%s: the file is empty; it needs at least model, algorithm and data", name)
	} else if err != nil {
		return nil, notYAML(name, err)
	}
	if err := loader.Load(&more); err == nil {
		return nil, fault.Inputf("%s:%d: a second YAML document; a config is one document", name, more.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, notYAML(name, err)
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		return nil, fault.Inputf("%s:%d:%d: got %s, want key: value lines", name, root.Line, root.Column, describe(root))
	}
	return root, nil
}

// yamlPlace is how the YAML package names a place, as a point or the end of a range.
var yamlPlace = regexp.MustCompile(`^.*\bat L([0-9]+)\.C([0-9]+)(?:-L([0-9]+)\.C([0-9]+))?: `)

// notYAML says where a file stops being YAML.
func notYAML(name string, err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	at := yamlPlace.FindStringSubmatch(text)
	if at == nil {
		return fault.Inputf("%s: not valid YAML: %s", name, text)
	}
	line, column := at[1], at[2]
	if at[3] != "" {
		line, column = at[3], at[4]
	}
	return fault.Inputf("%s:%s:%s: not valid YAML: %s", name, line, column, strings.TrimPrefix(text, at[0]))
}

// decoder fills a struct from a mapping and collects every problem.
type decoder struct {
	name     string
	problems []string
	keyAt    map[string]position
}

func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf("%s:%d:%d: %s", d.name, n.Line, n.Column, fmt.Sprintf(format, args...)))
}

// mapping decodes the pairs of n into the fields of s; prefix is the dotted path of s.
func (d *decoder) mapping(n *yaml.Node, s reflect.Value, prefix string) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "%s: got %s, want a mapping {%s}", strings.TrimSuffix(prefix, "."), describe(n), strings.Join(keys(s.Type()), ", "))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		path := prefix + key.Value
		field, ok := fieldByKey(s, key.Value)
		if key.Kind != yaml.ScalarNode || !ok {
			d.problem(key, "unknown key %q; %s", path, hint(key.Value, keys(s.Type())))
			continue
		}
		if at, seen := d.keyAt[path]; seen {
			d.problem(key, "%s is given twice, first in line %d; remove one", path, at.line)
			continue
		}
		d.keyAt[path] = position{key.Line, key.Column}
		d.value(value, s.Field(field), s.Type().Field(field), path)
	}
	d.required(n, s, prefix)
}

func (d *decoder) required(n *yaml.Node, s reflect.Value, prefix string) {
	for i := range s.NumField() {
		tag := s.Type().Field(i).Tag
		if _, given := d.keyAt[prefix+tag.Get("yaml")]; tag.Get("required") != "" && !given {
			d.problem(n, "the key %s%s is missing: %s", prefix, tag.Get("yaml"), want(s.Type().Field(i)))
		}
	}
}

// value decodes one node into one field without any coercion.
func (d *decoder) value(n *yaml.Node, v reflect.Value, f reflect.StructField, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if v.Kind() == reflect.Struct {
		d.mapping(n, v, path+".")
		return
	}
	if v.Kind() == reflect.Slice {
		d.list(n, v, f, path)
		return
	}
	if problem := scalar(n, v, f); problem != "" {
		d.problem(n, "%s: %s", path, problem)
	}
}

// list decodes a sequence, or for PerIteration a lone number.
func (d *decoder) list(n *yaml.Node, v reflect.Value, f reflect.StructField, path string) {
	items := n.Content
	if _, numbers := v.Interface().(PerIteration); numbers && n.Kind == yaml.ScalarNode {
		items = []*yaml.Node{n}
	} else if n.Kind != yaml.SequenceNode {
		d.problem(n, "%s: got %s, want %s", path, describe(n), want(f))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if problem := scalar(item, out.Index(i), f); problem != "" {
			d.problem(item, "%s: %s", path, problem)
		}
	}
	v.Set(out)
}

// scalar sets v from n; the answer is empty or says what is wrong.
func scalar(n *yaml.Node, v reflect.Value, f reflect.StructField) string {
	wrong := fmt.Sprintf("got %s, want %s", describe(n), want(f))
	if n.Kind != yaml.ScalarNode {
		return wrong
	}
	switch v.Kind() {
	case reflect.String:
		if n.ShortTag() != "!!str" {
			return wrong
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.ShortTag() != "!!bool" || (n.Value != "true" && n.Value != "false") {
			return wrong
		}
		v.SetBool(n.Value == "true")
	case reflect.Int, reflect.Uint64:
		return integer(n, v, f, wrong)
	case reflect.Float64:
		x, err := strconv.ParseFloat(n.Value, 64)
		if tag := n.ShortTag(); (tag != "!!float" && tag != "!!int") || err != nil || math.IsNaN(x) {
			return wrong
		}
		v.SetFloat(x)
	}
	if !allowed(v, f) {
		return wrong
	}
	return ""
}

func integer(n *yaml.Node, v reflect.Value, f reflect.StructField, wrong string) string {
	if n.ShortTag() != "!!int" {
		return wrong
	}
	if v.Kind() == reflect.Uint64 {
		x, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			return wrong
		}
		v.SetUint(x)
		return ""
	}
	x, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return wrong
	}
	v.SetInt(x)
	if !allowed(v, f) {
		return wrong
	}
	return ""
}
