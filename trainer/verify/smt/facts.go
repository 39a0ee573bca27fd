package smt

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// allowed are the commands that facts may be made of: they declare, define and assert, print nothing, and set no option.
var allowed = map[string]bool{
	"declare-const": true, "declare-fun": true, "declare-sort": true, "declare-datatype": true, "declare-datatypes": true,
	"define-const": true, "define-fun": true, "define-fun-rec": true, "define-sort": true,
	"assert": true, "set-info": true,
}

// factToken is a token, or a comment up to its line's end.
var factToken = regexp.MustCompile(`^(?:;[^\n]*|` + strings.TrimPrefix(token.String(), "^") + `)`)

// checkFacts says why a text is more than facts. A model may have written them, and other commands could print a verdict, or
// end the solver before it is asked.
func checkFacts(text string) error {
	depth, before, command := 0, "", ""
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		word := factToken.FindString(rest)
		switch {
		case word == "":
			return fmt.Errorf("%.20q is no SMT-LIB", rest)
		case word[0] == ';':
		case word == "(":
			depth++
		case depth == 0:
			return fmt.Errorf("%.20q stands outside of a command", word)
		case word == ")":
			depth--
		case depth == 1 && before == "(":
			if command = word; !allowed[command] {
				return fmt.Errorf("the command %.40q; only declarations, definitions and assertions are facts", command)
			}
		case asks(word) && (before != "(" || strings.HasPrefix(command, "declare-")):
			return fmt.Errorf("they may define %s anew, with which the question is put", word)
		}
		if rest = rest[len(word):]; word[0] != ';' {
			before = word
		}
	}
	if depth != 0 {
		return errors.New("a parenthesis is not closed")
	}
	return nil
}

// asks says whether a symbol is one of the two that a question is put with. A use of it follows a parenthesis; where it follows
// another word, or stands in a declaration, it can be a name (z3 lets programs redefine both).
func asks(symbol string) bool {
	symbol = strings.Trim(symbol, "|")
	return symbol == "=" || symbol == "not"
}
