package smt

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// maxTerm and maxNesting bound what a response may put to the solver.
const (
	maxTerm    = 1 << 16
	maxNesting = 200
)

// token is a parenthesis, a symbol, a number, a bit vector, a quoted symbol or a text, as SMT-LIB 2.6 section 3.1 has
// them.
var token = regexp.MustCompile(`^(?:[()]|\|[^|\\]*\||"(?:[^"]|"")*"|:?[A-Za-z0-9~!@$%^&*_+=<>.?/#-]+)`)

// readTerm reads exactly one term and writes it anew, one space between its tokens. Annotations (!) are refused, and
// so is anything after the term.
func readTerm(text string) (string, error) {
	if len(text) > maxTerm {
		return "", fmt.Errorf("it has %d bytes (limit %d)", len(text), maxTerm)
	}
	var words []string
	depth := 0
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		if len(words) > 0 && depth == 0 {
			return "", errors.New("it goes on after its end")
		}
		word := token.FindString(rest)
		switch word {
		case "":
			return "", fmt.Errorf("%.20q cannot be in a term", rest)
		case "!":
			return "", errors.New("it has an annotation")
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth < 0 || depth > maxNesting {
			return "", errors.New("its parentheses do not match or nest too deep")
		}
		words, rest = append(words, word), rest[len(word):]
	}
	if depth != 0 || len(words) == 0 {
		return "", errors.New("its parentheses do not match")
	}
	return strings.Join(words, " "), nil
}

// value of one constant.
type value struct{ name, literal string }

var (
	assignment = regexp.MustCompile(`^\s*(\|[^|\\]*\||[A-Za-z_][A-Za-z0-9_.!]*)\s*:?=\s*(.*?)\s*$`)
	separators = regexp.MustCompile(`[,;\n]|\band\b`)
	plain      = regexp.MustCompile(`^(?:true|false|#x[0-9a-fA-F]{1,1000}|#b[01]{1,1000}|"(?:[^"]|"")*")$`)
	number     = regexp.MustCompile(`^(-?)\s*([0-9]{1,1000}(?:\.[0-9]{1,1000})?)(?:\s*/\s*([0-9]{1,1000}))?$`)
)

// readValues reads `x = 3, y = -1/2`, separated by commas, semicolons, lines or the word and.
func readValues(text string) ([]value, error) {
	if len(text) > maxTerm {
		return nil, fmt.Errorf("it has %d bytes (limit %d)", len(text), maxTerm)
	}
	var list []value
	for _, part := range separators.Split(text, -1) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		m := assignment.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("%.40q is no `name = value`", strings.TrimSpace(part))
		}
		literal, ok := literalOf(m[2])
		if !ok {
			return nil, fmt.Errorf("%.40q is no literal", m[2])
		}
		list = append(list, value{m[1], literal})
	}
	if len(list) == 0 {
		return nil, errors.New("it is empty")
	}
	return list, nil
}

// literalOf writes a value in SMT-LIB.
func literalOf(text string) (string, bool) {
	if plain.MatchString(text) {
		return text, true
	}
	m := number.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	literal := m[2]
	if m[3] != "" {
		literal = "(/ " + m[2] + " " + m[3] + ")"
		if strings.Trim(m[3], "0") == "" {
			return "", false // division by zero may be anything
		}
	}
	if m[1] == "-" {
		literal = "(- " + literal + ")"
	}
	return literal, true
}

func extracted(values []value) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = v.name + " = " + v.literal
	}
	return strings.Join(parts, ", ")
}
