package config

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// Changes says what differs between the config that a run began with, as Values gave it then, and c,
// leaving out keys on which no result depends. Raising iterations is no change: it continues the run.
func (c *Config) Changes(before map[string]string) []string {
	now := c.Values()
	free := map[string]bool{}
	freeKeys(free, reflect.TypeOf(*c), "")
	if grown(before["iterations"], now["iterations"]) {
		free["iterations"] = true
	}
	var out []string
	for key, value := range now {
		old, known := before[key]
		switch {
		case free[key] || old == value:
		case !known:
			out = append(out, fmt.Sprintf("%s is new (%s)", key, value))
		case extended(old, value) && free["iterations"]:
		default:
			out = append(out, fmt.Sprintf("%s was %s and is %s", key, orEmpty(old), orEmpty(value)))
		}
	}
	for key, old := range before {
		if _, known := now[key]; !known {
			out = append(out, fmt.Sprintf("%s was %s and is gone", key, old))
		}
	}
	sort.Strings(out)
	return out
}

func freeKeys(out map[string]bool, t reflect.Type, prefix string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct && key != "" {
			freeKeys(out, f.Type, prefix+key+".")
		}
		if f.Tag.Get("fixed") == "no" {
			out[prefix+key] = true
		}
	}
}

func grown(before, now string) bool {
	var a, b int
	_, err1 := fmt.Sscan(before, &a)
	_, err2 := fmt.Sscan(now, &b)
	return err1 == nil && err2 == nil && b > a
}

// extended reports whether now is the list before with more values at its end.
func extended(before, now string) bool {
	return strings.HasPrefix(before, "[") && strings.HasPrefix(now, strings.TrimSuffix(before, "]")+", ")
}

func orEmpty(s string) string {
	if s == `""` || s == "[]" {
		return "empty"
	}
	return s
}
