// Package interval gives a mean of measurements its confidence interval.
//
//	i := interval.Of(margins, 0.95)
//	if i.Low > 0 { ... } // the mean is above 0
//
// Functions share no state.
package interval

import "math"

// Interval is a mean with the ends of its two-sided confidence interval.
type Interval struct {
	Mean, Low, High float64
	N               int
}

// HalfWidth is the distance from the mean to an end; infinite when fewer than two values were given.
func (i Interval) HalfWidth() float64 { return i.High - i.Mean }

// Of is Student's interval of the mean of independent values. Fewer than two values say nothing about their spread: the ends are
// infinite.
func Of(values []float64, confidence float64) Interval {
	mean, deviation := Moments(values)
	if len(values) < 2 {
		return Interval{mean, math.Inf(-1), math.Inf(1), len(values)}
	}
	half := Student((1+confidence)/2, len(values)-1) * deviation / math.Sqrt(float64(len(values)))
	return Interval{mean, mean - half, mean + half, len(values)}
}

// Moments are the mean and the sample standard deviation (divisor n-1); 0 where there are too few values.
func Moments(values []float64) (mean, deviation float64) {
	n := float64(len(values))
	if n == 0 {
		return 0, 0
	}
	for _, v := range values {
		mean += v / n
	}
	if n < 2 {
		return mean, 0
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / (n - 1))
}

// Student is the quantile of Student's t distribution at probability p in (0, 1), with the given degrees of freedom >= 1.
func Student(p float64, freedom int) float64 {
	if p < 0.5 {
		return -Student(1-p, freedom)
	}
	low, high := 0.0, 1.0
	for upper(high, freedom) > 1-p {
		low, high = high, 2*high
	}
	for range 100 {
		if mid := (low + high) / 2; upper(mid, freedom) > 1-p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// upper is P(T > t) for t >= 0: half the regularised incomplete beta function at v/(v+t^2) (Abramowitz and Stegun, 26.7.1).
func upper(t float64, freedom int) float64 {
	v := float64(freedom)
	return incompleteBeta(v/2, 0.5, v/(v+t*t)) / 2
}

// incompleteBeta is I_x(a, b), by its continued fraction on the side where that converges fast (Abramowitz and Stegun, 26.5.8).
func incompleteBeta(a, b, x float64) float64 {
	if x <= 0 || x >= 1 {
		return math.Min(1, math.Max(0, x))
	}
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(b, a, 1-x)
	}
	whole, _ := math.Lgamma(a + b)
	left, _ := math.Lgamma(a)
	right, _ := math.Lgamma(b)
	front := math.Exp(whole-left-right+a*math.Log(x)+b*math.Log1p(-x)) / a
	return front * fraction(a, b, x)
}

// fraction evaluates the continued fraction from the front (Lentz's method): each round takes its even and its odd term.
func fraction(a, b, x float64) float64 {
	c, d := 1.0, 1/nonZero(1-(a+b)*x/(a+1))
	value := d
	term := func(t float64) (change float64) {
		d = 1 / nonZero(1+t*d)
		c = nonZero(1 + t/c)
		value *= c * d
		return c * d
	}
	for m := 1.0; m < 500; m++ {
		term(m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)))
		if change := term(-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))); math.Abs(change-1) < 1e-15 {
			break
		}
	}
	return value
}

func nonZero(x float64) float64 {
	if math.Abs(x) < 1e-300 {
		return 1e-300
	}
	return x
}
