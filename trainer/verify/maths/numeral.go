package maths

import (
	"math/big"
	"strconv"
	"strings"
)

// maxExponent bounds the exponent of scientific notation.
const maxExponent = 4096

// numeral reads 12, 1.5, .5, 1,234 (outside brackets), 1{,}234, 1\,234, 0.1\overline{6}, 1.5e-3.
func (l *lexer) numeral() {
	digits := l.digits()
	integer := true
	if digits != "" {
		grouped := l.thousands(digits)
		integer, digits = grouped == digits, grouped
	}
	value := new(big.Rat)
	if digits != "" {
		value.SetString(digits)
	}
	if l.peek(0) == '.' && (isDigit(l.peek(1)) || strings.HasPrefix(l.src[l.at+1:], `\overline{`)) {
		l.at++
		integer = false
		value.Add(value, l.fraction())
	}
	if exponent, ok := l.exponent(); ok {
		integer = false
		value.Mul(value, powerOfTen(exponent))
	}
	l.emit(token{kind: numeral, number: value, integer: integer})
}

func (l *lexer) digits() string {
	start := l.at
	for isDigit(l.peek(0)) {
		l.at++
	}
	return l.src[start:l.at]
}

// thousands appends groups of three digits that one kind of separator joins.
func (l *lexer) thousands(first string) string {
	if len(first) > 3 || first[0] == '0' {
		return first
	}
	separators := []string{"{,}", `\,`, `\ `, `,\!`}
	if l.depth == 0 {
		separators = append(separators, ",")
	}
	for _, s := range separators {
		at, all := l.at, first
		for strings.HasPrefix(l.src[at:], s) {
			group := l.src[at+len(s):]
			if len(group) < 3 || !isDigit(group[0]) || !isDigit(group[1]) || !isDigit(group[2]) || len(group) > 3 && isDigit(group[3]) {
				break
			}
			all += group[:3]
			at += len(s) + 3
		}
		if at > l.at {
			l.at = at
			return all
		}
	}
	return first
}

// fraction reads the digits after the point, the repeating ones under \overline.
func (l *lexer) fraction() *big.Rat {
	digits := l.digits()
	value := new(big.Rat)
	if digits != "" {
		value.SetString("0." + digits)
	}
	const bar = `\overline{`
	if !strings.HasPrefix(l.src[l.at:], bar) {
		return value
	}
	l.at += len(bar)
	repeating := l.digits()
	if repeating == "" || l.peek(0) != '}' {
		giveUp(`\overline must hold digits`)
	}
	l.at++
	period, _ := new(big.Rat).SetString(repeating)
	nines := new(big.Int).Sub(powerOfTen(int64(len(repeating))).Num(), big.NewInt(1))
	period.Quo(period, new(big.Rat).SetInt(nines))
	return value.Add(value, period.Mul(period, powerOfTen(-int64(len(digits)))))
}

// exponent reads e-3 when it follows without a space.
func (l *lexer) exponent() (int64, bool) {
	if c := l.peek(0); c != 'e' && c != 'E' {
		return 0, false
	}
	at := l.at + 1
	if at < len(l.src) && (l.src[at] == '-' || l.src[at] == '+') {
		at++
	}
	first := at
	for at < len(l.src) && isDigit(l.src[at]) {
		at++
	}
	if at == first {
		return 0, false
	}
	exponent, err := strconv.ParseInt(l.src[l.at+1:at], 10, 32)
	if err != nil || exponent > maxExponent || exponent < -maxExponent {
		giveUp("an exponent is beyond 4096")
	}
	l.at = at
	return exponent, true
}

func powerOfTen(n int64) *big.Rat {
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(max(n, -n)), nil)
	if n < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}
