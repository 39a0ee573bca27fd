package tokenizer

import (
	"sort"
	"strconv"
	"strings"

	"spar/internal/fault"
	"spar/internal/strictjson"
)

// ParseJSON reads a tokenizer.json. name is what errors call it. Its truncation and padding sections are not applied.
func ParseJSON(data []byte, name string) (*Tokenizer, error) {
	if len(data) > maxFileBytes {
		return nil, fault.Inputf("%s is %d bytes long; the limit is %d", name, len(data), maxFileBytes)
	}
	root, _, err := strictjson.Parse(data, name, maxDepth)
	if err != nil {
		return nil, err
	}
	d := &definition{name: name}
	if root.Kind != '{' {
		return nil, d.fail("this is not a JSON object, so it is no tokenizer.json")
	}
	var model *strictjson.Value
	for i := range root.Members {
		key, v := root.Members[i].Key, &root.Members[i].Value
		switch key {
		case "version", "truncation", "padding":
		case "normalizer":
			d.normalizer = *v
		case "pre_tokenizer":
			d.preTokenizer = *v
		case "post_processor":
			d.postProcessor = *v
		case "decoder":
			d.decoder = *v
		case "model":
			model = v
		case "added_tokens":
			err = d.readAdded(v)
		default:
			err = d.fail("the field %s is not known; remove it if it changes nothing", strictjson.Quote(key))
		}
		if err != nil {
			return nil, err
		}
	}
	if model == nil {
		return nil, d.fail("there is no model section; this is not a tokenizer.json")
	}
	if err := d.readModel(model); err != nil {
		return nil, err
	}
	return d.build()
}

func (d *definition) readModel(v *strictjson.Value) error {
	if v.Kind != '{' {
		return d.fail("model must be an object")
	}
	if typ, ok := v.Get("type"); ok && (typ.Kind != '"' || typ.Text != "BPE") {
		return d.fail("model.type is %s; only BPE is supported", strictjson.Quote(typ.Text))
	}
	merges, vocab := false, false
	for i := range v.Members {
		key, item := v.Members[i].Key, &v.Members[i].Value
		var err error
		switch key {
		case "type":
		case "vocab":
			vocab = true
			err = d.readVocab(item)
		case "merges":
			merges = true
			err = d.readMerges(item)
		case "unk_token":
			d.hasUnknown = item.Kind == '"'
			d.unknown = item.Text
			if !d.hasUnknown && !isNull(item) {
				err = d.fail("model.unk_token must be a string or null")
			}
		case "fuse_unk":
			d.fuseUnknown, err = d.flag(v, "model", key, false)
		case "ignore_merges":
			d.ignoreMerges, err = d.flag(v, "model", key, false)
		case "byte_fallback", "dropout", "continuing_subword_prefix", "end_of_word_suffix":
			if !isOff(item) {
				err = d.fail("model.%s is set; byte-level tokenizers with it are not supported", key)
			}
		default:
			err = d.fail("model has an unknown field %s", strictjson.Quote(key))
		}
		if err != nil {
			return err
		}
	}
	if !vocab || !merges {
		return d.fail("model must have vocab and merges")
	}
	return nil
}

// isOff reports whether an option has the value that changes nothing.
func isOff(v *strictjson.Value) bool {
	switch v.Kind {
	case 0, 'n':
		return true
	case 't':
		return !v.Bool
	case '"':
		return v.Text == ""
	case '0':
		f, err := strconv.ParseFloat(v.Text, 64)
		return err == nil && f == 0
	}
	return false
}

func (d *definition) readVocab(v *strictjson.Value) error {
	if v.Kind != '{' {
		return d.fail("model.vocab must be an object")
	}
	d.vocab = make([]entry, len(v.Members))
	for i := range v.Members {
		token, value := v.Members[i].Key, v.Members[i].Value
		id, ok := value.IsInt()
		if !ok || id < 0 || id >= maxID {
			return d.fail("model.vocab[%s] is %s; an id is an integer from 0 to %d", strictjson.Quote(token), strictjson.Quote(string(value.AppendJSON(nil))), maxID-1)
		}
		if len(token) > maxTokenBytes {
			return d.fail("model.vocab has a token of %d bytes (id %d); the limit is %d", len(token), id, maxTokenBytes)
		}
		d.vocab[i] = entry{token, int32(id)}
	}
	return nil
}

// readMerges takes both forms: "a b" and ["a", "b"].
func (d *definition) readMerges(v *strictjson.Value) error {
	if v.Kind != '[' {
		return d.fail("model.merges must be an array")
	}
	d.merges = make([][2]string, len(v.Items))
	for i := range v.Items {
		item := &v.Items[i]
		switch {
		case item.Kind == '"':
			left, right, ok := strings.Cut(item.Text, " ")
			if !ok || strings.Contains(right, " ") {
				return d.fail("model.merges[%d] is %s; a merge is two tokens with one space between", i, strictjson.Quote(item.Text))
			}
			d.merges[i] = [2]string{left, right}
		case item.Kind == '[' && len(item.Items) == 2 &&
			item.Items[0].Kind == '"' && item.Items[1].Kind == '"':
			d.merges[i] = [2]string{item.Items[0].Text, item.Items[1].Text}
		default:
			return d.fail("model.merges[%d] must be \"a b\" or [\"a\", \"b\"]", i)
		}
	}
	return nil
}

func (d *definition) readAdded(v *strictjson.Value) error {
	if v.Kind != '[' {
		return d.fail("added_tokens must be an array")
	}
	for i := range v.Items {
		item := &v.Items[i]
		where := "added_tokens[" + strconv.Itoa(i) + "]"
		if item.Kind != '{' {
			return d.fail("%s must be an object", where)
		}
		var a AddedToken
		var idSeen, contentSeen bool
		for k := range item.Members {
			key, field := item.Members[k].Key, &item.Members[k].Value
			var err error
			switch key {
			case "id":
				id, ok := field.IsInt()
				if !ok || id < 0 || id >= maxID {
					return d.fail("%s.id must be an integer from 0 to %d", where, maxID-1)
				}
				a.ID, idSeen = int32(id), true
			case "content":
				a.Content, contentSeen = field.Text, field.Kind == '"'
			case "single_word":
				a.SingleWord, err = d.flag(item, where, key, false)
			case "lstrip":
				a.LStrip, err = d.flag(item, where, key, false)
			case "rstrip":
				a.RStrip, err = d.flag(item, where, key, false)
			case "normalized":
				a.Normalized, err = d.flag(item, where, key, false)
			case "special":
				a.Special, err = d.flag(item, where, key, false)
			default:
				err = d.fail("%s has an unknown field %s", where, strictjson.Quote(key))
			}
			if err != nil {
				return err
			}
		}
		if !idSeen || !contentSeen {
			return d.fail("%s must have an id and a content string", where)
		}
		if _, ok := item.Get("normalized"); !ok {
			a.Normalized = !a.Special
		}
		d.added = append(d.added, a)
	}
	return nil
}

// MarshalJSON writes a tokenizer.json that the reference library reads and that means the same.
func (t *Tokenizer) MarshalJSON() ([]byte, error) {
	d := t.def
	out := append(make([]byte, 0, 64*len(d.vocab)), `{"version":"1.0","truncation":null,"padding":null,"added_tokens":[`...)
	for i, a := range t.added.tokens {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"id":`...)
		out = strconv.AppendInt(out, int64(a.ID), 10)
		out = strictjson.AppendString(append(out, `,"content":`...), a.Content)
		for _, f := range []struct {
			key string
			on  bool
		}{{"single_word", a.SingleWord}, {"lstrip", a.LStrip}, {"rstrip", a.RStrip}, {"normalized", a.Normalized}, {"special", a.Special}} {
			out = strconv.AppendBool(append(out, `,"`+f.key+`":`...), f.on)
		}
		out = append(out, '}')
	}
	out = d.normalizer.AppendJSON(append(out, `],"normalizer":`...))
	out = d.preTokenizer.AppendJSON(append(out, `,"pre_tokenizer":`...))
	out = d.postProcessor.AppendJSON(append(out, `,"post_processor":`...))
	out = d.decoder.AppendJSON(append(out, `,"decoder":`...))
	out = append(out, `,"model":{"type":"BPE","dropout":null,"unk_token":`...)
	if d.hasUnknown {
		out = strictjson.AppendString(out, d.unknown)
	} else {
		out = append(out, nullJSON...)
	}
	out = append(out, `,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":`...)
	out = strconv.AppendBool(out, d.fuseUnknown)
	out = strconv.AppendBool(append(out, `,"byte_fallback":false,"ignore_merges":`...), d.ignoreMerges)
	out = append(out, `,"vocab":{`...)
	vocab := append([]entry(nil), d.vocab...)
	sortEntries(vocab)
	for i, e := range vocab {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(strictjson.AppendString(out, e.token), ':')
		out = strconv.AppendInt(out, int64(e.id), 10)
	}
	out = append(out, `},"merges":[`...)
	for i, m := range d.merges {
		if i > 0 {
			out = append(out, ',')
		}
		out = strictjson.AppendString(append(out, '['), m[0])
		out = strictjson.AppendString(append(out, ','), m[1])
		out = append(out, ']')
	}
	return append(out, "]}}"...), nil
}

func sortEntries(v []entry) { sort.Slice(v, func(i, j int) bool { return v[i].id < v[j].id }) }

func sortedAdded(a []AddedToken) []AddedToken {
	out := append([]AddedToken(nil), a...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}
