package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Render prints the resolved config as YAML, every key that the algorithm reads with its meaning. Reading it again gives
// the same config.
func (c *Config) Render() string {
	var b strings.Builder
	renderStruct(&b, reflect.ValueOf(c).Elem(), "", c.skipped())
	return b.String()
}

// skipped lists keys that would be in conflict with what is set.
func (c *Config) skipped() map[string]bool {
	skip := map[string]bool{}
	for _, key := range optionalKeys {
		skip[key] = true
	}
	for _, key := range lossKeys[c.Algorithm] {
		delete(skip, key)
	}
	for _, key := range c.unusedSections() {
		skip[key] = true
	}
	skip["c"] = skip["c"] || c.Tau > 0
	skip["num_train_epochs"] = c.MaxSteps > 0
	skip["max_steps"] = c.MaxSteps == 0
	skip["per_device_train_batch_size"] = c.TokensPerBatch > 0
	skip["tokens_per_batch"] = c.TokensPerBatch == 0
	return skip
}

func renderStruct(b *strings.Builder, s reflect.Value, indent string, skip map[string]bool) {
	for i := range s.NumField() {
		f, v := s.Type().Field(i), s.Field(i)
		key := f.Tag.Get("yaml")
		if key == "" || skip[key] {
			continue
		}
		if v.Kind() == reflect.Struct {
			fmt.Fprintf(b, "%s%s:\n", indent, key)
			renderStruct(b, v, indent+"  ", nil)
			continue
		}
		doc := f.Tag.Get("doc")
		if words := f.Tag.Get("oneof"); words != "" {
			doc += " (" + words + ")"
		}
		fmt.Fprintf(b, "%-34s # %s\n", fmt.Sprintf("%s%s: %s", indent, key, text(v)), doc)
	}
}

// text is the YAML form of a value on one line.
func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case PerIteration:
		if len(x) == 1 {
			return formatNumber(x[0])
		}
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = formatNumber(x[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []string:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = quote(x[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return scalarText(x)
	case float64:
		return formatNumber(x)
	}
	return fmt.Sprint(v.Interface())
}

// scalarText leaves a string bare where YAML reads it back as the same string.
func scalarText(s string) string {
	var node yaml.Node
	if err := yaml.Load([]byte("k: "+s+" # c\n"), &node); err == nil && len(node.Content) == 1 {
		if m := node.Content[0]; m.Kind == yaml.MappingNode && len(m.Content) == 2 && m.Content[1].ShortTag() == "!!str" && m.Content[1].Value == s {
			return s
		}
	}
	return quote(s)
}

// quote uses JSON's escapes, which YAML's double quotes understand.
func quote(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return string(out)
}

// MarshalJSON writes the resolved config with its YAML keys, as run.json holds it.
func (c *Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(c.Values())
}

// Values is the resolved config as a flat map from dotted key to printed value.
func (c *Config) Values() map[string]string {
	out := map[string]string{}
	flatten(out, reflect.ValueOf(c).Elem(), "")
	return out
}

func flatten(out map[string]string, s reflect.Value, prefix string) {
	for i := range s.NumField() {
		f, v := s.Type().Field(i), s.Field(i)
		key := f.Tag.Get("yaml")
		switch {
		case key == "":
		case v.Kind() == reflect.Struct:
			flatten(out, v, prefix+key+".")
		default:
			out[prefix+key] = text(v)
		}
	}
}
