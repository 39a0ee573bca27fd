package template

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Python's letter case, with its special cases: ß becomes SS, a final Σ becomes ς.

func upper(s string) string { return cases.Upper(language.Und).String(s) }

func lower(s string) string { return cases.Lower(language.Und, cases.HandleFinalSigma(true)).String(s) }

func capitalize(s string) string {
	for i := range s {
		if i > 0 {
			return titleCase(s[:i]) + lower(s[i:])
		}
	}
	return titleCase(s)
}

func titleCase(s string) string { return cases.Title(language.Und, cases.NoLower).String(s) }

// titleMethod is str.title: a letter after anything that is not a letter starts a word.
func titleMethod(s string) string {
	var out strings.Builder
	start := 0
	inWord := false
	flush := func(end int) {
		if start < end {
			out.WriteString(capitalize(s[start:end]))
		}
		start = end
	}
	for i, r := range s {
		cased := unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r)
		if cased != inWord {
			if inWord {
				flush(i)
			} else {
				out.WriteString(s[start:i])
				start = i
			}
		}
		inWord = cased
	}
	if inWord {
		flush(len(s))
	} else {
		out.WriteString(s[start:])
	}
	return out.String()
}

// titleFilter is Jinja's filter of that name: words start after white space, - ( { [ and <.
func titleFilter(s string) string {
	var out strings.Builder
	start := 0
	word := func(end int) {
		w := s[start:end]
		for i := range w {
			if i > 0 {
				out.WriteString(upper(w[:i]) + lower(w[i:]))
				return
			}
		}
		out.WriteString(upper(w))
	}
	for i, r := range s {
		if isSpace(r) || strings.ContainsRune("-({[<", r) {
			word(i)
			out.WriteRune(r)
			start = i + len(string(r))
		}
	}
	word(len(s))
	return out.String()
}
