package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"spar/internal/suggest"
)

// keys lists the YAML keys of a struct type in order.
func keys(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" {
			out = append(out, key)
		}
	}
	return out
}

func fieldByKey(s reflect.Value, key string) (int, bool) {
	for i := range s.NumField() {
		if tag := s.Type().Field(i).Tag.Get("yaml"); tag != "" && tag == key {
			return i, true
		}
	}
	return 0, false
}

// setDefaults fills every field from its default tag. The tags are checked by a test.
func setDefaults(s reflect.Value) {
	for i := range s.NumField() {
		f, v := s.Type().Field(i), s.Field(i)
		if f.Tag.Get("yaml") == "" {
			continue
		}
		if v.Kind() == reflect.Struct {
			setDefaults(v)
			continue
		}
		if text := f.Tag.Get("default"); text != "" {
			setText(v, text)
		}
	}
}

func setText(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(text == "true")
	case reflect.Int:
		x, _ := strconv.ParseInt(text, 10, 64)
		v.SetInt(x)
	case reflect.Uint64:
		x, _ := strconv.ParseUint(text, 10, 64)
		v.SetUint(x)
	case reflect.Float64:
		x, _ := strconv.ParseFloat(text, 64)
		v.SetFloat(x)
	case reflect.Slice:
		x, _ := strconv.ParseFloat(text, 64)
		v.Set(reflect.ValueOf(PerIteration{x}))
	}
}

// allowed checks the oneof and range tags.
func allowed(v reflect.Value, f reflect.StructField) bool {
	if words := f.Tag.Get("oneof"); words != "" && v.Kind() == reflect.String {
		return slices.Contains(strings.Fields(words), v.String())
	}
	if f.Tag.Get("required") != "" && v.Kind() == reflect.String {
		return v.String() != ""
	}
	if r := f.Tag.Get("range"); r != "" {
		if v.CanInt() {
			return inRange(r, float64(v.Int()))
		}
		return inRange(r, v.Float())
	}
	return true
}

// inRange reads intervals such as "[0,1)" and "(0,10]".
func inRange(r string, x float64) bool {
	low, high, _ := strings.Cut(r[1:len(r)-1], ",")
	a, _ := strconv.ParseFloat(low, 64)
	b, _ := strconv.ParseFloat(high, 64)
	above := x > a || (r[0] == '[' && x == a)
	below := x < b || (r[len(r)-1] == ']' && x == b)
	return above && below
}

// want says what a field takes.
func want(f reflect.StructField) string {
	t := f.Type
	if words := f.Tag.Get("oneof"); words != "" {
		return "one of " + strings.Join(strings.Fields(words), ", ")
	}
	in := ""
	if r := f.Tag.Get("range"); r != "" {
		in = " in " + strings.Replace(r, ",", ", ", 1)
	}
	switch t.Kind() {
	case reflect.Struct:
		return "a mapping {" + strings.Join(keys(t), ", ") + "}"
	case reflect.Slice:
		if t == reflect.TypeOf(PerIteration{}) {
			return "a number" + in + ", or a list with one per iteration"
		}
		return "a list of strings"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "an integer" + in
	case reflect.Uint64:
		return "an integer in [0, 18446744073709551615]"
	case reflect.Float64:
		return "a number" + in
	}
	return "a string: " + f.Tag.Get("doc")
}

// describe names what a node is, with its text when that is short.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	text := n.Value
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	if n.ShortTag() == "!!str" {
		return fmt.Sprintf("the string %q", text)
	}
	return text
}

// hint suggests the known key that key was meant to be, or lists them all.
func hint(key string, known []string) string {
	if near := suggest.Nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known keys: " + strings.Join(known, ", ")
}
