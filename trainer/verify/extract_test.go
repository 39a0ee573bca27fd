package verify

import (
	"strings"
	"testing"
)

func TestExtract(t *testing.T) {
	for response, want := range map[string]string{
		`a \boxed{1} b \boxed{\frac{1}{2}} c`:                `\frac{1}{2}`,
		`\boxed{\{1, 2\}}`:                                   `\{1, 2\}`,
		`\fbox{7} The answer is 8.`:                          "7",
		"#### 5\n#### 6\n":                                   "6",
		"## Title\n#### 1,234 apples":                        "1,234 apples",
		"The answer is 4. The final answer is: $x^2$. Good.": "x^2",
		"**Answer:** 0.5. Done":                              "0.5",
		`answer: \(\frac12\) metres`:                         `\frac12`,
		"The ANSWER IS 42":                                   "42",
	} {
		if got, found := Extract(response); got != want || !found {
			t.Errorf("Extract(%q) = %q, %v, want %q", response, got, found, want)
		}
	}
	for _, response := range []string{"", "42", "x #### 5", "the answers are many", "The answer is"} {
		if got, found := Extract(response); found {
			t.Errorf("Extract(%q) = %q", response, got)
		}
	}
	if got, found := Extract(`the answer is 5, in full \boxed{5`); got != "" || !found {
		t.Errorf("an open box gives %q, %v", got, found)
	}
}

// What is extracted stands in the response, and marks in any number and order do no harm.
func FuzzExtract(f *testing.F) {
	for _, s := range []string{`\boxed{a}`, "#### 5", "answer is $5$", `\boxed{\}`, "####", "answer is \\(", "$1,234.5/6%$ and -7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, find := range []func(string) (string, bool){Extract, finalAnswer} {
			if got, found := find(s); !strings.Contains(s, got) || got != "" && !found {
				t.Errorf("%q (%v) from %q", got, found, s)
			}
		}
		chosen(s)
	})
}
