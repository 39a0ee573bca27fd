package maths

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind uint8

const (
	end    kind = iota
	symbol      // text: an operator or a bracket, in the spelling of symbols below
	numeral
	letter  // text: a variable, with its subscript once parsed
	command // text: a function, constant or construct by its LaTeX name without backslash
	words   // text: from \text{...} or a run of letters that is no product of variables
)

type token struct {
	kind    kind
	text    string
	number  *big.Rat
	integer bool // a numeral without point, exponent or separators
	spaced  bool // white space stands before it
}

// maxTokens bounds the work of the parser, maxDepth its recursion.
const (
	maxTokens = 2048
	maxDepth  = 64
)

// spelling gives each way to write an operator its one symbol.
var spelling = map[string]string{
	"cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=",
	"lt": "<", "gt": ">", "pm": "±", "cup": "∪", "in": "∈", "{": "{.", "}": ".}", "lbrace": "{.", "rbrace": ".}", "%": "%", "lvert": "|",
	"rvert": "|", "vert": "|", "mid": "|", "circ": "°", "degree": "°", "lbrack": "[", "rbrack": "]", `\`: `\\`, "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉",
	"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "≤": "<=", "≥": ">=", "∪": "∪", "∈": "∈", "±": "±", "°": "°",
	"⌊": "⌊", "⌋": "⌋", "⌈": "⌈", "⌉": "⌉", "lparen": "(", "rparen": ")",
}

// invisible commands change how an answer looks, not what it means.
var invisible = map[string]bool{
	"left": true, "right": true, "big": true, "Big": true, "bigl": true, "bigr": true, "Bigl": true, "Bigr": true, "bigg": true, "Bigg": true,
	"displaystyle": true, "textstyle": true, "quad": true, "qquad": true, "limits": true, ",": true, ";": true, ":": true, "!": true, " ": true,
	"(": true, ")": true, "[": true, "]": true, "boldsymbol": true, "mathbf": true, "bf": true, "rm": true, "middle": true, "mathit": true,
}

// synonyms of commands.
var synonyms = map[string]string{
	"dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom", "infinity": "infty", "inf": "infty", "∞": "infty", "oo": "infty",
	"π": "pi", "√": "radical", "varnothing": "emptyset", "∅": "emptyset", "tg": "tan", "ctg": "cot", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
	"mathrm": "text", "textbf": "text", "textit": "text", "mbox": "text", "textrm": "text", "operatorname": "text", "mathsf": "text", "texttt": "text",
}

// plain are the names that mean something without a backslash.
var plain = map[string]bool{
	"sqrt": true, "cbrt": true, "pi": true, "infty": true, "sin": true, "cos": true, "tan": true, "cot": true, "sec": true, "csc": true, "arcsin": true, "arccos": true,
	"arctan": true, "sinh": true, "cosh": true, "tanh": true, "ln": true, "log": true, "exp": true, "abs": true, "and": true, "or": true, "floor": true, "ceil": true,
}

// shortWords are answers in words that are as short as a product of variables.
var shortWords = map[string]bool{"yes": true, "no": true, "odd": true}

// greek letters are variables.
var greek = map[string]bool{
	"alpha": true, "beta": true, "gamma": true, "delta": true, "epsilon": true, "varepsilon": true, "zeta": true, "eta": true, "theta": true, "vartheta": true, "kappa": true,
	"lambda": true, "mu": true, "nu": true, "xi": true, "rho": true, "sigma": true, "tau": true, "phi": true, "varphi": true, "chi": true, "psi": true, "omega": true,
	"Gamma": true, "Delta": true, "Theta": true, "Lambda": true, "Xi": true, "Pi": true, "Sigma": true, "Phi": true, "Psi": true, "Omega": true, "ell": true,
}

// lexer splits the text of an answer into tokens.
type lexer struct {
	src    string
	at     int
	depth  int // of brackets; a comma inside them never groups thousands
	spaced bool
	out    []token
}

func lex(src string) []token {
	l := &lexer{src: strings.NewReplacer("−", "-", "–", "-").Replace(src)}
	for l.next() {
		if len(l.out) > maxTokens {
			giveUp("it has more than 2048 symbols")
		}
	}
	return append(l.out, token{kind: end})
}

func (l *lexer) emit(t token) {
	t.spaced = l.spaced
	l.spaced = false
	l.out = append(l.out, t)
	switch t.text {
	case "(", "[", "{", "{.":
		l.depth++
	case ")", "]", "}", ".}":
		l.depth--
	}
}

// next reads one token; false at the end.
func (l *lexer) next() bool {
	if l.at >= len(l.src) {
		return false
	}
	c, size := utf8.DecodeRuneInString(l.src[l.at:])
	switch {
	case c == utf8.RuneError && size == 1:
		giveUp("it is not valid UTF-8")
	case unicode.IsSpace(c) || c == '~':
		l.at += size
		l.spaced = true
	case c == '\\':
		l.command()
	case c >= '0' && c <= '9', c == '.' && isDigit(l.peek(1)):
		l.numeral()
	case isLetter(byte(c)) && c < utf8.RuneSelf:
		l.run()
	default:
		l.sign(c, size)
	}
	return true
}

func (l *lexer) peek(ahead int) byte {
	if l.at+ahead < len(l.src) {
		return l.src[l.at+ahead]
	}
	return 0
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

var superscripts = map[rune]int64{'⁰': 0, '¹': 1, '²': 2, '³': 3, '⁴': 4, '⁵': 5, '⁶': 6, '⁷': 7, '⁸': 8, '⁹': 9}

// sign reads an operator, a bracket or a letter outside ASCII.
func (l *lexer) sign(c rune, size int) {
	text := l.src[l.at : l.at+size]
	if two := l.src[l.at:min(l.at+2, len(l.src))]; two == "<=" || two == ">=" || two == "**" {
		text = two
	}
	l.at += len(text)
	power, raised := superscripts[c]
	switch {
	case text == "**":
		l.emit(token{kind: symbol, text: "^"})
	case strings.Contains("+-*/^_=<>()[]{}|,!%:;&'", text), text == "<=", text == ">=":
		l.emit(token{kind: symbol, text: text})
	case spelling[text] != "":
		l.emit(token{kind: symbol, text: spelling[text]})
	case synonyms[text] != "":
		l.emit(token{kind: command, text: synonyms[text]})
	case raised:
		l.emit(token{kind: symbol, text: "^"})
		l.emit(token{kind: numeral, number: big.NewRat(power, 1), integer: true})
	case text == "$":
		l.spaced = true
	case unicode.IsLetter(c):
		l.emit(token{kind: letter, text: text})
	default:
		giveUp("it holds " + text + ", which has no meaning in an answer")
	}
}

// command reads a backslash and what belongs to it.
func (l *lexer) command() {
	l.at++
	start := l.at
	for isLetter(l.peek(0)) {
		l.at++
	}
	if l.at == start && l.at < len(l.src) {
		_, size := utf8.DecodeRuneInString(l.src[l.at:])
		l.at += size
	}
	name := l.src[start:l.at]
	if s := synonyms[name]; s != "" {
		name = s
	}
	switch {
	case invisible[name]:
		l.spaced = true
		if (name == "left" || name == "right") && l.peek(0) == '.' {
			l.at++
		}
	case name == "$":
		l.emit(token{kind: words, text: "$"})
	case spelling[name] != "":
		l.emit(token{kind: symbol, text: spelling[name]})
	case greek[name]:
		l.emit(token{kind: letter, text: name})
	case name == "text":
		l.text()
	default:
		l.emit(token{kind: command, text: name})
	}
}

// text reads the braces after \text and the like. What holds digits or operators is read as if it stood outside.
func (l *lexer) text() {
	rest := strings.TrimLeft(l.src[l.at:], " ")
	if !strings.HasPrefix(rest, "{") {
		l.spaced = true
		return
	}
	close := strings.IndexByte(rest, '}')
	if close < 0 {
		giveUp(`a \text{ is not closed`)
	}
	body := strings.TrimSpace(rest[1:close])
	l.at = len(l.src) - len(rest) + close + 1
	for _, c := range body {
		if !unicode.IsLetter(c) && !strings.ContainsRune(" .'-", c) {
			l.at = len(l.src) - len(rest)
			l.src = l.src[:l.at] + " " + body + " " + l.src[l.at+close+1:]
			return
		}
	}
	if name, ok := plainName(body); ok {
		l.emit(token{kind: command, text: name})
	} else if body != "" {
		l.word(body)
	}
}

// plainName is the name of a function or constant that is written without a backslash.
func plainName(name string) (string, bool) {
	if s := synonyms[name]; s != "" {
		name = s
	}
	return name, plain[name]
}

// run reads letters without a backslash: a known name, a word, or single variables.
func (l *lexer) run() {
	start := l.at
	for isLetter(l.peek(0)) {
		l.at++
	}
	name := l.src[start:l.at]
	known, ok := plainName(name)
	switch {
	case ok:
		l.emit(token{kind: command, text: known})
	case len(name) > 3 || isUnit(name) || shortWords[strings.ToLower(name)]:
		l.word(name)
	case len(name) == 2 && name[0] == 'd': // a differential, no product: dy/dx is not y/x
		l.emit(token{kind: letter, text: name})
	default:
		for _, c := range name {
			l.emit(token{kind: letter, text: string(c)})
		}
	}
}

// word emits text; "and" and "or" join the parts of a list.
func (l *lexer) word(text string) {
	switch text = strings.Join(strings.Fields(strings.ToLower(text)), " "); text {
	case "and", "or":
		l.emit(token{kind: command, text: text})
	case "degrees", "degree":
		l.emit(token{kind: symbol, text: "°"})
	case "percent":
		l.emit(token{kind: symbol, text: "%"})
	default:
		l.emit(token{kind: words, text: text})
	}
}
