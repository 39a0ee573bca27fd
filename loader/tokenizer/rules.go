package tokenizer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spar/internal/strictjson"
)

func isNull(v *strictjson.Value) bool { return v.Kind == 0 || v.Kind == 'n' }

// object checks that v is an object of a known type with known fields, and returns its type.
func (d *definition) object(v *strictjson.Value, where string, fields map[string]string) (string, error) {
	if v.Kind != '{' {
		return "", d.fail("%s must be an object or null", where)
	}
	typ, ok := v.Get("type")
	if !ok || typ.Kind != '"' {
		return "", d.fail("%s has no type", where)
	}
	allowed, ok := fields[typ.Text]
	if !ok {
		known := make([]string, 0, len(fields))
		for k := range fields {
			known = append(known, k)
		}
		slices.Sort(known)
		return "", d.fail("%s has type %s, which is not supported; supported are %s", where, strictjson.Quote(typ.Text), strings.Join(known, ", "))
	}
	for _, m := range v.Members {
		if m.Key != "type" && allowed != "*" && !slices.Contains(strings.Fields(allowed), m.Key) {
			return "", d.fail("%s of type %s has an unknown field %s", where, typ.Text, strictjson.Quote(m.Key))
		}
	}
	return typ.Text, nil
}

// flag returns a boolean member.
func (d *definition) flag(v *strictjson.Value, where, key string, missing bool) (bool, error) {
	m, ok := v.Get(key)
	if !ok {
		return missing, nil
	}
	if m.Kind != 't' {
		return false, d.fail("%s.%s must be true or false", where, key)
	}
	return m.Bool, nil
}

// list returns the members of a Sequence.
func (d *definition) list(v *strictjson.Value, where, key string) ([]strictjson.Value, error) {
	m, ok := v.Get(key)
	if !ok || m.Kind != '[' {
		return nil, d.fail("%s.%s must be an array", where, key)
	}
	if len(m.Items) > maxSequence {
		return nil, d.fail("%s.%s has %d entries; the limit is %d", where, key, len(m.Items), maxSequence)
	}
	return m.Items, nil
}

func (d *definition) readNormalizer(t *Tokenizer, summary *[]string) error {
	return d.normalizers(t, &d.normalizer, "normalizer", summary)
}

func (d *definition) normalizers(t *Tokenizer, v *strictjson.Value, where string, summary *[]string) error {
	if isNull(v) && where == "normalizer" {
		return nil
	}
	typ, err := d.object(v, where, map[string]string{"NFC": "", "Sequence": "normalizers"})
	if err != nil {
		return err
	}
	if typ == "NFC" {
		if t.normalize == nil { // NFC of NFC is NFC
			t.normalize = nfc
			*summary = append(*summary, "normalize nfc")
		}
		return nil
	}
	items, err := d.list(v, where, "normalizers")
	for i := range items {
		if err := d.normalizers(t, &items[i], fmt.Sprintf("%s.normalizers[%d]", where, i), summary); err != nil {
			return err
		}
	}
	return err
}

func (d *definition) readSteps(t *Tokenizer, summary *[]string) error {
	if isNull(&d.preTokenizer) {
		return d.fail("pre_tokenizer is null; only byte-level tokenizers are supported, and those have a ByteLevel step")
	}
	if err := d.stepsOf(t, &d.preTokenizer, "pre_tokenizer", summary); err != nil {
		return err
	}
	for i, s := range t.steps {
		_, byteLevel := s.(byteLevelStep)
		if last := i == len(t.steps)-1; byteLevel != last {
			return d.fail("pre_tokenizer must have one ByteLevel step, as its last")
		}
	}
	if len(t.steps) == 0 {
		return d.fail("pre_tokenizer must have one ByteLevel step, as its last")
	}
	return nil
}

func (d *definition) stepsOf(t *Tokenizer, v *strictjson.Value, where string, summary *[]string) error {
	typ, err := d.object(v, where, map[string]string{
		"ByteLevel": "add_prefix_space trim_offsets use_regex",
		"Split":     "pattern behavior invert",
		"Digits":    "individual_digits",
		"Sequence":  "pretokenizers",
	})
	if err != nil {
		return err
	}
	var s step
	switch typ {
	case "ByteLevel":
		s, err = d.byteLevel(v, where, summary)
	case "Digits":
		var one bool
		one, err = d.flag(v, where, "individual_digits", false)
		s = digitsStep{one}
		*summary = append(*summary, "digits "+strconv.FormatBool(one))
	case "Split":
		s, err = d.splitter(v, where, summary)
	default:
		items, err := d.list(v, where, "pretokenizers")
		for i := range items {
			if err := d.stepsOf(t, &items[i], fmt.Sprintf("%s.pretokenizers[%d]", where, i), summary); err != nil {
				return err
			}
		}
		return err
	}
	if err == nil {
		t.steps = append(t.steps, s)
	}
	if len(t.steps) > maxSequence {
		return d.fail("pre_tokenizer has more than %d steps", maxSequence)
	}
	return err
}

func (d *definition) byteLevel(v *strictjson.Value, where string, summary *[]string) (s byteLevelStep, err error) {
	if s.addPrefixSpace, err = d.flag(v, where, "add_prefix_space", true); err != nil {
		return s, err
	}
	if s.useRegex, err = d.flag(v, where, "use_regex", true); err != nil {
		return s, err
	}
	*summary = append(*summary, fmt.Sprintf("bytes %t %t", s.addPrefixSpace, s.useRegex))
	return s, nil
}

func (d *definition) splitter(v *strictjson.Value, where string, summary *[]string) (step, error) {
	var behave behavior
	if b, ok := v.Get("behavior"); ok && b.Kind == '"' {
		behave = behavior(b.Text)
	}
	if !slices.Contains([]behavior{removed, isolated, mergedWithPrevious, mergedWithNext, contiguous}, behave) {
		return nil, d.fail("%s.behavior must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous", where)
	}
	invert, err := d.flag(v, where, "invert", false)
	if err != nil {
		return nil, err
	}
	pattern, ok := v.Get("pattern")
	if !ok || pattern.Kind != '{' || len(pattern.Members) != 1 || pattern.Members[0].Value.Kind != '"' {
		return nil, d.fail("%s.pattern must be {\"Regex\": ...} or {\"String\": ...}", where)
	}
	kind, text := pattern.Members[0].Key, pattern.Members[0].Value.Text
	*summary = append(*summary, fmt.Sprintf("split %s %t %s %q", behave, invert, kind, text))
	s := splitStep{behavior: behave, invert: invert}
	switch kind {
	case "String":
		s.find = literalMatches(text)
		return s, nil
	case "Regex":
		if scan := knownScanner(text); scan != nil {
			if behave == isolated { // the words tile the text, so inverting changes nothing
				return scanStep{scan}, nil
			}
			s.find = scanMatches(scan)
			return s, nil
		}
		re, err := compileRegex(text, d.name+": "+where+".pattern.Regex")
		if err != nil {
			return nil, err
		}
		s.find = re.matches
		return s, nil
	}
	return nil, d.fail("%s.pattern must be {\"Regex\": ...} or {\"String\": ...}, not %s", where, strictjson.Quote(kind))
}

func (d *definition) checkDecoder(v *strictjson.Value, where string) error {
	if isNull(v) {
		return d.fail("%s is null; a byte-level tokenizer needs the ByteLevel decoder", where)
	}
	typ, err := d.object(v, where, map[string]string{"ByteLevel": "add_prefix_space trim_offsets use_regex", "Sequence": "decoders"})
	if err != nil || typ == "ByteLevel" {
		return err
	}
	items, err := d.list(v, where, "decoders")
	if err == nil && len(items) != 1 {
		return d.fail("%s.decoders must hold the ByteLevel decoder alone", where)
	}
	if err != nil {
		return err
	}
	return d.checkDecoder(&items[0], where+".decoders[0]")
}

// checkPostProcessor: none of them is applied, because no token is added, but an unknown one may mean more than that.
func (d *definition) checkPostProcessor(v *strictjson.Value, where string, depth int) error {
	if isNull(v) && depth == 0 {
		return nil
	}
	typ, err := d.object(v, where, map[string]string{
		"ByteLevel":          "add_prefix_space trim_offsets use_regex",
		"TemplateProcessing": "*",
		"RobertaProcessing":  "*",
		"BertProcessing":     "*",
		"Sequence":           "processors",
	})
	if err != nil || typ != "Sequence" {
		return err
	}
	items, err := d.list(v, where, "processors")
	for i := range items {
		if err := d.checkPostProcessor(&items[i], fmt.Sprintf("%s.processors[%d]", where, i), depth+1); err != nil {
			return err
		}
	}
	return err
}

// scanMatches lists the words of a known pattern as matches.
func scanMatches(scan scanner) func(string) ([][2]int, error) {
	return func(s string) ([][2]int, error) {
		var out [][2]int
		for i := 0; i < len(s); {
			end := scan(classes(), s, i)
			out = append(out, [2]int{i, end})
			i = end
		}
		return out, nil
	}
}
