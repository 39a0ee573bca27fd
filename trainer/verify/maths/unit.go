package maths

import (
	"math/big"
	"strings"
)

// scales are words that multiply the number before them.
var scales = map[string]int64{
	"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12,
}

// units maps each way to write a unit to one name; plurals in -s are added by unitName. What is not here is not
// dropped: "5 more" is not 5.
var units = func() map[string]string {
	m := map[string]string{}
	for _, same := range []string{
		"mm millimeter millimetre", "cm centimeter centimetre", "dm decimeter decimetre", "meter metre m", "km kilometer kilometre", "in inch inches",
		"ft foot feet", "yd yard", "mi mile", "mg milligram", "gram g", "kg kilogram kilo", "ton tonne", "lb lbs pound", "oz ounce", "ml milliliter millilitre",
		"liter litre l", "gal gallon", "cup", "second sec s", "min minute", "hr hour h", "day", "week", "month", "yr year", "mph", "kph kmh", "rpm",
		"$ dollar usd", "cent", "euro eur", "unit", "degree", "radian rad", "kelvin", "celsius", "fahrenheit", "volt", "watt", "kw kilowatt", "joule", "newton", "hz hertz", "ohm",
		"square sq", "cubic cu", "per", "squared", "cubed",
		"apple", "ball", "book", "box boxes", "boy", "candy candies", "car", "card", "child children", "chicken", "cookie", "coin", "cow", "digit", "dog", "egg", "flower", "friend", "game", "girl",
		"item", "man men", "marble", "mark", "member", "mile", "orange", "outcome", "page", "pair", "pen", "pencil", "people person", "piece", "player", "point", "problem", "question",
		"solution", "square", "step", "sticker", "student", "team", "ticket", "time", "toy", "tree", "triangle", "trip", "way", "woman women", "worker",
	} {
		names := strings.Fields(same)
		for _, n := range names {
			m[n] = names[0]
		}
	}
	return m
}()

// unitName is the one name of a unit word; false when it is none.
func unitName(word string) (string, bool) {
	name, ok := units[word]
	if !ok && len(word) > 2 {
		name, ok = units[strings.TrimSuffix(word, "s")]
	}
	return name, ok
}

// IsWord reports whether a run of letters means something in an answer: a unit, a scale such as million, or a name such as sqrt.
func IsWord(word string) bool {
	_, unit := unitName(strings.ToLower(word))
	_, name := plainName(word)
	return unit || name || scales[strings.ToLower(word)] != 0
}

// shortUnits are units of two letters that nobody means as a product of variables.
var shortUnits = map[string]bool{"cm": true, "km": true, "mm": true, "kg": true, "mg": true, "ml": true}

// isUnit reports whether a run of letters outside \text is a unit and not a product of variables.
func isUnit(word string) bool {
	_, ok := unitName(strings.ToLower(word))
	return ok && (len(word) > 2 || shortUnits[word])
}

// unitAfter reads the words after a value: a scale, a unit such as cm^2 or miles per hour, or both.
func (p *parser) unitAfter(value *node) *node {
	for p.peek().kind == words {
		factor, ok := scales[strings.TrimSuffix(p.peek().text, "s")]
		if !ok {
			break
		}
		p.at++
		value = scaled(value, factor)
	}
	if p.peek().kind != words {
		return value
	}
	name := p.unit()
	if value.op == opUnit {
		if value.name != name {
			giveUp("it has two units")
		}
		return value
	}
	return &node{op: opUnit, name: name, args: []*node{value}}
}

func scaled(value *node, factor int64) *node {
	if value.op == opUnit {
		return &node{op: opUnit, name: value.name, args: []*node{scaled(value.args[0], factor)}}
	}
	return &node{op: opMul, args: []*node{value, {op: opNumber, number: big.NewRat(factor, 1)}}}
}

// unit reads unit words with powers, products and quotients; every word must be known.
func (p *parser) unit() string {
	var name strings.Builder
	for {
		for _, word := range strings.Fields(strings.Trim(p.peek().text, ".")) {
			known, ok := unitName(strings.Trim(word, "."))
			if !ok {
				giveUp("the words \"" + p.peek().text + "\" after a value are no known unit")
			}
			if name.Len() == 0 && (known == "squared" || known == "cubed" || known == "per") {
				giveUp(known + " stands where a unit is expected")
			}
			name.WriteString(" " + known)
		}
		p.at++
		if p.accept("^") {
			exponent := p.argument()
			if !exponent.isInteger() {
				giveUp("the power of a unit is not a whole number")
			}
			name.WriteString("^" + exponent.number.RatString())
		}
		if next := p.ahead(1); next.kind == words && (p.is("/") || p.is("*")) {
			if p.is("/") {
				name.WriteString(" per")
			}
			p.at++
		}
		if p.peek().kind != words {
			return canonicalUnit(name.String())
		}
	}
}

// canonicalUnit gives square cm and cm^2 one name.
func canonicalUnit(name string) string {
	fields := strings.Fields(name)
	var out []string
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		next := i+1 < len(fields) && fields[i+1] != "per"
		switch {
		case f == "square" && next:
			i++
			f = fields[i] + "^2"
		case f == "cubic" && next:
			i++
			f = fields[i] + "^3"
		case f == "squared" && len(out) > 0:
			out[len(out)-1] += "^2"
			continue
		case f == "cubed" && len(out) > 0:
			out[len(out)-1] += "^3"
			continue
		}
		out = append(out, f)
	}
	return strings.Join(out, " ")
}
