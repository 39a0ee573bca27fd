package maths

import "math/big"

// call writes a function of the answer in terms of those that can be evaluated, or as an atom.
func (f *field) call(n *node) ratio {
	a := f.normal(n.args[0])
	switch n.name {
	case "tan":
		return f.div(f.function("sin", a), f.function("cos", a))
	case "cot":
		return f.div(f.function("cos", a), f.function("sin", a))
	case "sec":
		return f.div(integer(1), f.function("cos", a))
	case "csc":
		return f.div(integer(1), f.function("sin", a))
	case "exp":
		return f.power(f.constant("e"), a)
	case "sinh":
		return f.half(f.exponentials(a, false))
	case "cosh":
		return f.half(f.exponentials(a, true))
	case "tanh":
		return f.div(f.exponentials(a, false), f.exponentials(a, true))
	case "log":
		if len(n.args) == 2 {
			return f.div(f.function("ln", a), f.function("ln", f.normal(n.args[1])))
		}
	case "abs", "floor", "ceil":
		return f.rounded(n.name, a)
	case "factorial":
		return f.factorial(a)
	case "binom":
		return f.binomial(a, f.normal(n.args[1]))
	}
	if len(n.args) > 1 {
		giveUp("it computes with a function of several arguments")
	}
	return f.function(n.name, a)
}

func (f *field) half(a ratio) ratio { return f.div(a, integer(2)) }

// exponentials is e^a + e^-a, or their difference.
func (f *field) exponentials(a ratio, plus bool) ratio {
	up, down := f.power(f.constant("e"), a), f.power(f.constant("e"), f.negative(a))
	if !plus {
		down = f.negative(down)
	}
	return f.add(up, down)
}

// rounded is |a|, the floor or the ceiling; exact for rationals. The absolute value of re + i im is a root.
func (f *field) rounded(name string, a ratio) ratio {
	r, ok := a.rational()
	if !ok {
		if re, im := f.split(a.num); name == "abs" && len(im) > 0 {
			square := f.sum(f.product(re, re), f.product(im, im))
			return f.root(f.ratioOf(square, f.product(a.den, a.den)), 2)
		}
		return f.function(name, a)
	}
	switch name {
	case "abs":
		return rational(new(big.Rat).Abs(r))
	case "ceil":
		return f.negative(f.rounded("floor", f.negative(a)))
	}
	floor := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean; the denominator is positive
	return rational(new(big.Rat).SetInt(floor))
}

// maxFactorial keeps n! under maxBits.
const maxFactorial = 3000

// smallInteger is a as a whole number from 0 to maxFactorial.
func smallInteger(a ratio) (int64, bool) {
	r, ok := a.rational()
	if !ok || !r.IsInt() || r.Sign() < 0 || r.Num().Cmp(big.NewInt(maxFactorial)) > 0 {
		return 0, false
	}
	return r.Num().Int64(), true
}

func (f *field) factorial(a ratio) ratio {
	n, ok := smallInteger(a)
	if !ok {
		return f.function("factorial", a)
	}
	f.spend(int(n) * 64)
	return rational(new(big.Rat).SetInt(new(big.Int).MulRange(1, max(n, 1))))
}

func (f *field) binomial(a, b ratio) ratio {
	n, ok := smallInteger(a)
	k, okToo := smallInteger(b)
	if !ok || !okToo {
		giveUp("a binomial is not of whole numbers up to 3000")
	}
	f.spend(int(n) * 64)
	return rational(new(big.Rat).SetInt(new(big.Int).Binomial(n, k)))
}
