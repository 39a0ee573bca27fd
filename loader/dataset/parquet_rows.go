package dataset

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"spar/internal/strictjson"
)

const maxNesting = 16

// kindBinary marks bytes that are not UTF-8, which only Parquet can hold. They are an error where they are used.
const kindBinary = 'x'

func depthOf(c *parquet.Column) int {
	deepest := 0
	for _, child := range c.Columns() {
		deepest = max(deepest, depthOf(child))
	}
	return deepest + 1
}

func leavesOf(c *parquet.Column) int {
	if c.Leaf() {
		return 1
	}
	n := 0
	for _, child := range c.Columns() {
		n += leavesOf(child)
	}
	return n
}

var errLevels = errors.New("the columns of the row do not fit together; the file is damaged")

// assemble builds the value of column c from its leaves' values, each with repetition and definition level
// (Melnik et al., "Dremel", 2010). repeated and defined are the levels of c's parent.
func assemble(c *parquet.Column, leaves [][]parquet.Value, repeated, defined int) (strictjson.Value, error) {
	for _, values := range leaves {
		if len(values) == 0 {
			return strictjson.Value{}, errLevels
		}
	}
	null := strictjson.Value{Kind: 'n'}
	if len(leaves) != leavesOf(c) || len(leaves) == 0 {
		return null, errLevels
	}
	switch {
	case c.Repeated():
		return assembleList(c, leaves, repeated+1, defined+1)
	case c.Optional():
		defined++
		if leaves[0][0].DefinitionLevel() < defined {
			return null, nil
		}
	}
	return assembleOne(c, leaves, repeated, defined)
}

// assembleList cuts the leaves where a new item of the list begins.
func assembleList(c *parquet.Column, leaves [][]parquet.Value, repeated, defined int) (strictjson.Value, error) {
	list := strictjson.Value{Kind: '['}
	if leaves[0][0].DefinitionLevel() < defined {
		return list, nil
	}
	rest := make([][]parquet.Value, len(leaves))
	copy(rest, leaves)
	for len(rest[0]) > 0 {
		item := make([][]parquet.Value, len(rest))
		for i, values := range rest {
			if len(values) == 0 {
				return list, errLevels
			}
			end := 1
			for end < len(values) && values[end].RepetitionLevel() > repeated {
				end++
			}
			item[i], rest[i] = values[:end], values[end:]
		}
		v, err := assembleOne(c, item, repeated, defined)
		if err != nil {
			return list, err
		}
		list.Items = append(list.Items, v)
	}
	return list, nil
}

// assembleOne builds one present value: a leaf, a group, or a group that only wraps a list.
func assembleOne(c *parquet.Column, leaves [][]parquet.Value, repeated, defined int) (strictjson.Value, error) {
	if c.Leaf() {
		if len(leaves[0]) != 1 {
			return strictjson.Value{}, errLevels
		}
		return leafValue(leaves[0][0])
	}
	children := c.Columns()
	if len(children) == 1 && children[0].Repeated() && !c.Repeated() {
		list, err := assemble(children[0], leaves, repeated, defined)
		if inner := children[0].Columns(); len(inner) == 1 {
			for i, item := range list.Items {
				list.Items[i] = item.Members[0].Value // the three-level form names its items
			}
		}
		return list, err
	}
	object := strictjson.Value{Kind: '{'}
	for _, child := range children {
		n := leavesOf(child)
		v, err := assemble(child, leaves[:n], repeated, defined)
		if err != nil {
			return object, err
		}
		leaves = leaves[n:]
		object.Members = append(object.Members, strictjson.Member{Key: child.Name(), Value: v})
	}
	return object, nil
}

func leafValue(v parquet.Value) (strictjson.Value, error) {
	if v.IsNull() {
		return strictjson.Value{Kind: 'n'}, nil
	}
	switch v.Kind() {
	case parquet.Boolean:
		return strictjson.Value{Kind: 't', Bool: v.Boolean()}, nil
	case parquet.Int32:
		return number(strconv.FormatInt(int64(v.Int32()), 10)), nil
	case parquet.Int64:
		return number(strconv.FormatInt(v.Int64(), 10)), nil
	case parquet.Float:
		return number(strconv.FormatFloat(float64(v.Float()), 'g', -1, 32)), nil
	case parquet.Double:
		return number(strconv.FormatFloat(v.Double(), 'g', -1, 64)), nil
	case parquet.ByteArray, parquet.FixedLenByteArray:
		text := string(v.ByteArray())
		if !utf8.ValidString(text) {
			return strictjson.Value{Kind: kindBinary}, nil
		}
		return strictjson.Value{Kind: '"', Text: text}, nil
	}
	return strictjson.Value{}, fmt.Errorf("values of type %s are not read", v.Kind())
}

func number(text string) strictjson.Value { return strictjson.Value{Kind: '0', Text: text} }

// withoutNulls drops members that are null: a table has every column in every row.
func withoutNulls(v strictjson.Value) strictjson.Value {
	var members []strictjson.Member
	for _, m := range v.Members {
		if m.Value.Kind != 'n' {
			m.Value = withoutNulls(m.Value)
			members = append(members, m)
		}
	}
	v.Members = members
	for i := range v.Items {
		v.Items[i] = withoutNulls(v.Items[i])
	}
	return v
}
