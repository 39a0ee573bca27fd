package main

import (
	"fmt"
	"strings"
)

// token is one C token and the line it stands on.
type token struct {
	text string
	line int
}

// define is one "#define NAME value" line.
type define struct {
	name, value string
	line        int
}

// blank overwrites comments with spaces, keeping line breaks so that line numbers hold.
func blank(name, src string) (string, error) {
	out := []byte(src)
	for i := 0; i < len(out); i++ {
		if strings.HasPrefix(src[i:], "//") {
			return "", refuse(name, lineAt(src, i), "a // comment; C99 headers of this project use /* */")
		}
		if !strings.HasPrefix(src[i:], "/*") {
			continue
		}
		end := strings.Index(src[i+2:], "*/")
		if end < 0 {
			return "", refuse(name, lineAt(src, i), "a comment that never ends")
		}
		stop := i + 2 + end + 2
		for ; i < stop; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
		i--
	}
	return string(out), nil
}

func lineAt(src string, offset int) int { return 1 + strings.Count(src[:offset], "\n") }

func refuse(name string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", name, line, fmt.Sprintf(format, args...))
}

// preprocess takes the directives out: constants are returned, the include guard, the one include
// and the extern "C" wrapper are dropped, anything else is refused.
func preprocess(name, src string) (code string, defines []define, err error) {
	lines := strings.Split(src, "\n")
	depth, cplusplus := 0, false
	for i, line := range lines {
		words := strings.Fields(line)
		if len(words) == 0 || !strings.HasPrefix(words[0], "#") {
			if cplusplus {
				lines[i] = ""
			}
			continue
		}
		lines[i] = ""
		switch {
		case words[0] == "#ifdef" && len(words) == 2 && words[1] == "__cplusplus" && !cplusplus:
			cplusplus, depth = true, depth+1
		case words[0] == "#ifndef" && len(words) == 2 && depth == 0:
			depth++
		case words[0] == "#endif" && len(words) == 1 && depth > 0:
			cplusplus, depth = false, depth-1
		case words[0] == "#include" && len(words) == 2 && words[1] == "<stdint.h>":
		case words[0] == "#define" && len(words) == 2 && strings.HasSuffix(words[1], "_H"):
		case words[0] == "#define" && len(words) == 3:
			defines = append(defines, define{words[1], words[2], i + 1})
		default:
			return "", nil, refuse(name, i+1, "directive %q is not understood", strings.TrimSpace(line))
		}
	}
	if depth != 0 {
		return "", nil, refuse(name, len(lines), "an #ifdef or #ifndef without #endif")
	}
	return strings.Join(lines, "\n"), defines, nil
}

// lex cuts code into identifiers, numbers and single punctuation characters.
func lex(name, code string) ([]token, error) {
	var tokens []token
	line := 1
	for i := 0; i < len(code); {
		c := code[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case isWord(c):
			j := i
			for j < len(code) && isWord(code[j]) {
				j++
			}
			tokens = append(tokens, token{code[i:j], line})
			i = j
		case strings.IndexByte("{}()[];,*", c) >= 0:
			tokens = append(tokens, token{string(c), line})
			i++
		default:
			return nil, refuse(name, line, "character %q is not understood", c)
		}
	}
	return tokens, nil
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
