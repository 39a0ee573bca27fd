package strictjson

import "strconv"

// Value is a node of a parsed text.
type Value struct {
	Kind    byte     // as Reader.Kind
	At      int      // byte offset in the text
	Text    string   // of a string, or a number as written
	Bool    bool     // of true and false
	Items   []Value  // of an array
	Members []Member // of an object, in file order
}

// Member is a key of an object with its value.
type Member struct {
	Key   string
	At    int // byte offset of the key
	Value Value
}

// Parse reads a whole text into a tree. The Reader makes errors placed at nodes of the tree.
func Parse(data []byte, name string, maxDepth int) (Value, *Reader, error) {
	return ParseLine(data, name, 1, maxDepth)
}

// ParseLine is Parse for the text of one line of a file, by its number from 1.
func ParseLine(data []byte, name string, line, maxDepth int) (Value, *Reader, error) {
	r, err := newReader(data, name, line, maxDepth)
	if err != nil {
		return Value{}, nil, err
	}
	v, err := r.value()
	if err == nil {
		err = r.End()
	}
	return v, r, err
}

// Get returns the member with the key.
func (v Value) Get(key string) (Value, bool) {
	for _, m := range v.Members {
		if m.Key == key {
			return m.Value, true
		}
	}
	return Value{}, false
}

// IsInt reports whether v is a number written as a whole number, and its value.
func (v Value) IsInt() (int64, bool) {
	if v.Kind != '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	return n, err == nil
}

func (r *Reader) value() (v Value, err error) {
	v.Kind = r.Kind()
	v.At = r.pos
	switch v.Kind {
	case '{':
		err = r.Object(func(key string) error {
			m := Member{Key: key, At: r.at}
			m.Value, err = r.value()
			v.Members = append(v.Members, m)
			return err
		})
	case '[':
		err = r.Array(func(int) error {
			item, err := r.value()
			v.Items = append(v.Items, item)
			return err
		})
	case '"':
		v.Text, err = r.String()
	case '0':
		v.Text, err = r.Number()
	case 't':
		v.Bool, err = r.Bool()
	case 'n':
		err = r.Null()
	default:
		err = r.want("a JSON value")
	}
	return v, err
}
