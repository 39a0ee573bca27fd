package maths

import "testing"

func relate(t *testing.T, want Relation, answer, response string) {
	t.Helper()
	if got, reason := Compare(answer, response, Options{}); got != want {
		t.Errorf("%q against %q: %v (%s), want %v", response, answer, got, reason, want)
	}
}

func TestEqual(t *testing.T) {
	for _, c := range [][2]string{
		{`\frac{1}{2}`, "0.5"}, {`\frac12`, "1/2"}, {"1,234", "1234"}, {`1{,}234{,}567`, "1234567"}, {`10\,000`, "10000"}, {"1.5e3", "1500"},
		{"1 1/2", "3/2"}, {`1\frac{1}{2}`, "1.5"}, {`-1\frac12`, "-1.5"}, {`\frac{\sqrt{2}}{2}`, "1/sqrt(2)"}, {`\sqrt{8}`, `2\sqrt{2}`}, {`\sqrt{6}`, `\sqrt2\sqrt3`},
		{`\sqrt{3+2\sqrt{2}}`, `1+\sqrt{2}`}, {`\sqrt[3]{-8}`, "-2"}, {"50%", "1/2"}, {`50\%`, "0.5"}, {`45^\circ`, "45"}, {`45^{\circ}`, `\pi/4`},
		{"x = 5", "5"}, {"5", "x=5"}, {"x=1, 2", `x=2 \text{ or } x=1`}, {"{1,2}", `\{2,1\}`}, {"(1,2)", "( 1 , 2 )"}, {`(-\infty, 3]`, `x \le 3`}, {"1 < x < 2", "(1,2)"},
		{`5 \text{ cm}`, "5"}, {"5 cm", "5 centimeters"}, {"$5", "5 dollars"}, {`\$5`, "5"}, {"3 square meters", `3 \text{ m}^2`}, {"5 million", "5000000"},
		{"x^2+2x+1", "(x+1)^2"}, {`\frac{x^2-1}{x-1}`, "x+1"}, {`\sin^2 x+\cos^2 x`, "1"}, {`\sin 30^\circ`, "1/2"}, {"2^{10}", "1024"}, {"3+4i", "4i+3"}, {`e^{i\pi}`, "-1"},
		{`\log_2 8`, "3"}, {`\ln e^2`, "2"}, {`0.\overline{3}`, "1/3"}, {`0.1\overline{6}`, "1/6"}, {"2^{n+1}", "2*2^n"}, {`1011_2`, "11"}, {`\binom{5}{2}`, "10"}, {"5!", "120"},
		{`1 \pm \sqrt{5}`, `1-\sqrt5, 1+\sqrt5`}, {`y = 2x+1`, "2x - y = -1"}, {"Monday", `\text{monday}`}, {`\text{(C)}`, "C"}, {"(C)", "C"}, {`\begin{pmatrix}1&2\\3&4\end{pmatrix}`, `\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}`},
		{`(-\infty,1)\cup(2,3]`, `(2,3] \cup (-\infty, 1)`}, {`\frac{1}{1+i}`, `\frac{1-i}{2}`}, {`|3-5|`, "2"}, {`\sqrt{-4}`, "2i"}, {`|3+4i|`, "5"}, {"10^{10^9}", "10^{1000000000}"},
		{`f(x) = 3x`, "3x"}, {`x \in [1,2]`, "[1,2]"}, {`\arctan 1`, `\frac{\pi}{4}`}, {"3x²", "3x^2"}, {`\sin(2x)`, `2\sin x\cos x`}, {`\emptyset`, `\{\}`}, {"e", "exp(1)"},
		{`2\cdot 3`, "6"}, {`\tan 45^\circ`, "1"}, {`\frac{\ln 8}{\ln 2}`, "3"}, {"-5%", "-0.05"}, {`\lfloor \pi \rfloor`, "\\lfloor 3.5\\rfloor"}, {"5 apples", "5"},
		{"Yes", `\text{yes}`}, {`\text{no solution}`, "No solution"}, {"f(x+1)", "f(1+x)"}, {"f(x,y) = x+y", "x+y"}, {`\frac{dy}{dx}`, "dy/dx"},
	} {
		relate(t, Equal, c[0], c[1])
	}
}

func TestDifferent(t *testing.T) {
	for _, c := range [][2]string{
		{"1/3", "0.333"}, {"5", "6"}, {"x+1", "x-1"}, {`\sqrt{2}`, "1.41421356"}, {`\pi`, "22/7"}, {"{1,2}", "{1,3}"}, {"(1,2)", "(2,1)"}, {"[1,2]", "(1,2)"},
		{"1,2", "1,2,3"}, {"yes", "no"}, {`\infty`, `-\infty`}, {`\infty`, "10"}, {`\sin x`, `\cos x`}, {"x", `\sqrt{x^2}`}, {`e^{\pi\sqrt{163}}`, "262537412640768744"},
		{"50%", "50"}, {"3+4i", "3-4i"}, {`\begin{pmatrix}1\\2\end{pmatrix}`, `\begin{pmatrix}2\\1\end{pmatrix}`}, {"x<3", "x<=3"}, {"2^{10}", "1025"}, {"-1/2", "1/2"},
		{`\sin^2x+\cos^2x+10^{-30}`, "1"}, {"y/x", `\frac{dy}{dx}`}, {"xy", "dy/dx"}, {"yes", "No"}, {"1", `1+e^{-10000}`}, {"10^{100000000}", "10^{100000000}+1"},
	} {
		relate(t, Different, c[0], c[1])
		relate(t, Different, c[1], c[0])
	}
}

func TestUnknown(t *testing.T) {
	for _, c := range [][2]string{
		{`5 \text{ cm}`, `5 \text{ m}`}, {"5", "5 more"}, {"5", "not 5"}, {"5", "5 or more"}, {"x=5", "y=5"}, {"x>3", "y>3"}, {`3\frac{5}{2}`, "11/2"}, {"12", "1 2"}, {"x2", "2x"},
		{"2", `\frac123`}, {`\ln x^2`, `2\ln x`}, {`\sqrt{xy}`, `\sqrt x\sqrt y`}, {`\log 100`, "2"}, {"1/0", "1/0+1"}, {"0^0", "1"}, {"5", `0/(\sqrt{3+2\sqrt2}-1-\sqrt2)`}, {"5", `5+\frac{1}{0}`},
		{"(-8)^{1/3}", "-2"}, {"1", `1+\sin(e^{-40})^{20}+\sin(0)`}, {"1", `\cos(10^{-300})`}, {"1=1", "5"}, {"5", "5=7"}, {"5", "x=5=7"}, {"5", "4, 5"}, {"", "5"}, {"5", ""},
		{"5", `\boxed{`}, {"5", "]5["}, {"(1,2,3)", "[1,2,3]"}, {"1", "\xff"},
		{"5", "5 squared"}, {"f(x)+f(1)", "f(x+1)"}, {"f(x,y)", "f(x,z)"},
	} {
		relate(t, Unknown, c[0], c[1])
	}
}

// Pairs that a careless reading would let pass, in either order.
func TestNotEqual(t *testing.T) {
	for _, c := range [][2]string{
		{"5", "5 m"}, {"5", "5 percent"}, {"0.5", "0.5%"}, {"5", "5,0"}, {"5", "5.0.0"}, {"1000", "1, 000"}, {"1000", "10,00"}, {"1.000", "1,000"}, {"1,2", "12"}, {"1,200", "1, 200"}, {"(1,200)", "(1200)"},
		{"x", "X"}, {"a", "A"}, {"x^2 3", "x^{23}"}, {"1/2x", "1/(2x)"}, {`\sqrt{2}3`, `\sqrt23`}, {`\sin x^2`, `\sin^2 x`}, {`\log 8`, `\ln 8`}, {`\log_2 8`, `\log_3 8`}, {"x=2,y=3", "x=3,y=2"},
		{"(2,3)", "x=2,y=3"}, {"2,3", "(2,3)"}, {"2,3", "[2,3]"}, {`\{2,3\}`, "(2,3)"}, {`(1,2)\cup(2,3)`, "(1,3)"}, {"x<2", "x>2"}, {"x<2", "2<x"}, {"AB", "ab"}, {"e", "2.718281828459045"}, {"i", "-i"},
		{"0^x", "0"}, {`\arcsin(\sin 2)`, "2"}, {`\arctan(\tan 3x)`, "3x"}, {`\arctan x+\arctan(1/x)`, `\pi/2`}, {`\frac{|x|}{x}`, "1"}, {`\lfloor x\rfloor`, "x"}, {"(x^2)^{1/2}", "x"}, {"n!", "n"}, {"no", "on"},
		{"5", "5 May"}, {"5", "5 of 6"}, {"6", "5 of 6"}, {"5", "5 to 6"}, {"5", "5-6"}, {"5", "5;6"}, {"5", "5|6"}, {"5", `5\\6`}, {"5", "5&6"}, {"5", "5\n6"}, {"5", "5 %6"}, {"1", `\frac{5}{1}1`}, {"7", `7 \pm 1`},
		{"1 hour", "1 minute"}, {"5 cm", "5 cm^2"}, {"5 apples", "5 oranges"}, {"5 dozen", "5"}, {`\sqrt{2}`, `\sqrt{2}+10^{-200}`}, {`\sin 1`, `\sin 1+\sin(10^{-12})^{30}`}, {"5", `5+\sin(10^{-300})`},
	} {
		for _, swapped := range []bool{false, true} {
			if swapped {
				c[0], c[1] = c[1], c[0]
			}
			if r, _ := Compare(c[0], c[1], Options{}); r == Equal {
				t.Errorf("%q passes for %q", c[1], c[0])
			}
		}
	}
}
