package maths

import (
	"strings"
	"testing"
	"time"
)

// Answers that are made to hang, to overflow or to fill the memory end quickly, and none passes for 5.
func TestBoundedWork(t *testing.T) {
	nested := func(open, middle, close string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(close, n)
	}
	for name, text := range map[string]string{
		"tower":            "9^9^9^9^9",
		"power":            "2^{1000000000}",
		"fraction power":   `(\frac{2}{3})^{-1000000000}`,
		"power of a sum":   "(x+y+z+1)^{1000000}",
		"wide power":       "(a+b+c+d+f+g+h+j)^{200}",
		"product of sums":  strings.Repeat("(x+y+z+1)", 400),
		"factorial":        "1000000000!",
		"factorials":       "3000!" + strings.Repeat("!", 100),
		"many factorials":  strings.Repeat("3000! \\cdot ", 300) + "1",
		"binomial":         `\binom{1000000000}{500000000}`,
		"digits":           strings.Repeat("9", 4000),
		"digits squared":   strings.Repeat("9", 1500) + "^{2000}",
		"science":          "1e999999999",
		"long science":     "1e4096^{4096}",
		"brackets":         nested("(", "5", ")", 2000),
		"braces":           nested("{", "5", "}", 2000),
		"bars":             nested("|", "5", "|", 1000),
		"roots":            nested(`\sqrt{`, "5", "}", 500),
		"fractions":        nested(`\frac{1}{1+`, "x", "}", 300),
		"continued":        nested(`1+1/(`, "x", ")", 60),
		"signs":            strings.Repeat("-", 2000) + "5",
		"exponents":        strings.Repeat("2^", 1000) + "2",
		"nested sines":     nested(`\sin(`, "x", ")", 60),
		"doubling sines":   doubled(14),
		"many roots":       manyRoots(300),
		"flood":            strings.Repeat("5 ", 1<<20),
		"commas":           strings.Repeat("5,", 2000) + "5",
		"list of lists":    nested(`(1,`, "5", ")", 50),
		"plus minus":       strings.Repeat(`1 \pm `, 500) + "1",
		"texts":            strings.Repeat(`\text{`, 600) + "5",
		"large sine":       `\sin(10^{4000})`,
		"large root":       `\sqrt{` + strings.Repeat("7", 3000) + "}",
		"large exponent":   `e^{e^{e^{e^{10}}}}`,
		"repeating":        "0.\\overline{" + strings.Repeat("1", 4000) + "}",
		"division by zero": "5/0",
	} {
		for _, other := range []string{"5", `\sin x`, text + "+0"} {
			start := time.Now()
			got, reason := Compare(other, text, Options{})
			if other == "5" && got == Equal {
				t.Errorf("%s passes for 5", name)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%s took %v (%s)", name, took, reason)
			}
		}
	}
}

func doubled(n int) string {
	s := "x"
	for range n {
		s = `\sin(` + s + `)+\cos(` + s + `)`
		if len(s) > MaxBytes/3 {
			break
		}
	}
	return s
}

func manyRoots(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`+\sqrt{x+` + strings.Repeat("1", 1+i%7) + `}`)
	}
	return b.String()
}

// No input may panic, hang, or pass for an answer that is known to differ.
func FuzzCompare(f *testing.F) {
	for i, p := range pairs(f) {
		if i%40 == 0 {
			f.Add(p.Answer, p.Response)
		}
	}
	f.Add("5", "9^9^9^9")
	f.Add(`\left(\frac{1}{2}`, `\begin{pmatrix} 1 & \\ \end{pmatrix}`)
	f.Add(`\text{`, `\overline{}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		start := time.Now()
		forward, _ := Compare(a, b, Options{})
		back, _ := Compare(b, a, Options{Percent: false})
		if forward == Equal && back == Different || forward == Different && back == Equal {
			t.Errorf("%q and %q: %v one way, %v the other", a, b, forward, back)
		}
		if r, _ := Compare(a, a, Options{}); r == Different {
			t.Errorf("%q differs from itself", a)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q and %q took %v", a, b, took)
		}
	})
}
