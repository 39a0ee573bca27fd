package maths

import (
	"math/big"
	"testing"
)

// What the series give, against digits from mpmath 1.3 at 90 digits (the decimal literals are cut at 80).
func TestFunctionsEncloseKnownDigits(t *testing.T) {
	rat := func(s string) ball { r, _ := new(big.Rat).SetString(s); return ballOf(r) }
	exp, _ := rat("5/2").exp()
	tiny, _ := rat("-40").exp()
	ln, _ := rat("7/3").ln()
	lnSmall, _ := rat("1/1000000").ln()
	sin, _, _ := rat("123456789").sinCos()
	_, cos, _ := rat("22/7").sinCos()
	asin, _ := rat("9/10").asin()
	root, _ := rat("10").root(5)
	for _, c := range []struct {
		name string
		got  ball
		want string
	}{
		{"exp 5/2", exp, "12.182493960703473438070175951167966183182767790063161311560398341838185126143314"},
		{"exp -40", tiny, "0.0000000000000000042483542552915889953292347828586580178795655541664462880508189189260330639269147"},
		{"ln 7/3", ln, "0.8472978603872036137101075065206540249895941717591117367246958163000855695334603"},
		{"ln 1e-6", lnSmall, "-13.815510557964274104107948728106185245606608931772637856199967405805435658064115"},
		{"sin 123456789", sin, "0.99011475180203544422916373800683173711904285100170570378902581350703196287352483"},
		{"cos 22/7", cos, "-0.99999920053355290326833573965657495157582882066109649067554348144800286385676066"},
		{"arctan 3/4", rat("3/4").atan(), "0.64350110879328438680280922871732263804151059111531238286560611871351247481162109"},
		{"arctan -1000", rat("-1000").atan(), "-1.5697963271282297525647978820048308980869637651332848973960412479662627308024349"},
		{"arcsin 9/10", asin, "1.1197695149986341866866770558453996158951621864033028823756818639144375371065333"},
		{"10^(1/5)", root, "1.584893192461113485202101373391507013269442133825039068316296812316656863668454"},
		{"pi", piBall(), "3.141592653589793238462643383279502884197169399375105820974944592307816406286209"},
	} {
		gap := c.got.sub(rat(c.want)) // the digits are right to 1e-78
		if size := new(big.Int).Abs(gap.mid); size.BitLen() > precision-255 {
			t.Errorf("%s is off by about 2^%d", c.name, size.BitLen()-precision)
		}
		if c.got.rad.BitLen() > 40 {
			t.Errorf("%s has an enclosure of 2^%d units", c.name, c.got.rad.BitLen())
		}
	}
}

// Identities hold within the enclosures to the last bits, so no enclosure is too narrow.
func TestEnclosuresHoldIdentities(t *testing.T) {
	unit := ballOf(one)
	for n := int64(1); n < 200; n++ {
		x := ballOf(big.NewRat(n*n+1, 3*n+7))
		sin, cos, _ := x.sinCos()
		log, _ := x.ln()
		back, _ := log.exp()
		square, _ := x.mul(x).root(2)
		half, _ := x.quo(x.add(unit)).asin()
		again, _, _ := half.sinCos()
		tangent, base, _ := x.atan().sinCos()
		for name, zero := range map[string]ball{
			"sin^2+cos^2-1":     sin.mul(sin).add(cos.mul(cos)).sub(unit),
			"exp(ln x)-x":       back.sub(x),
			"sqrt(x^2)-x":       square.sub(x),
			"x/y*y-x":           x.quo(sin).mul(sin).sub(x),
			"sin(asin y)-y":     again.sub(x.quo(x.add(unit))),
			"tan(atan x)cos-xs": tangent.sub(x.mul(base)),
		} {
			if zero.sign() != 0 || !zero.sharp() {
				t.Errorf("n = %d: %s is %v units, enclosed by %v", n, name, zero.mid, zero.rad)
			}
		}
	}
}

func TestDomains(t *testing.T) {
	minus := ballOf(big.NewRat(-1, 1))
	if _, s := minus.root(2); s != undefined {
		t.Error("the square root of -1 has a value")
	}
	if r, s := ballOf(big.NewRat(-8, 1)).root(3); s != known || r.add(ballOf(big.NewRat(2, 1))).sign() != 0 {
		t.Error("the cube root of -8 is not -2")
	}
	if _, s := minus.ln(); s != undefined {
		t.Error("ln -1 has a value")
	}
	if _, s := ballOf(big.NewRat(2, 1)).asin(); s != undefined {
		t.Error("arcsin 2 has a value")
	}
	if _, s := ballOf(big.NewRat(1000, 1)).exp(); s != unclear {
		t.Error("exp 1000 is within 2^64")
	}
}

func TestValue(t *testing.T) {
	for text, want := range map[string]string{`\frac{1}{4}`: "1/4", "x = 2.5 cm": "5/2", "1,000": "1000", "50%": "1/2", "-3": "-3", "2^{10}": "1024"} {
		if got, reason := Value(text); got == nil || got.RatString() != want {
			t.Errorf("Value(%q) = %v (%s), want %s", text, got, reason, want)
		}
	}
	root, _ := Value(`\sqrt{2}`)
	gap := new(big.Rat).Mul(root, root)
	if gap.Sub(gap, big.NewRat(2, 1)).Abs(gap).Cmp(powerOfTen(-70)) > 0 {
		t.Errorf("the square of Value(sqrt 2) is off by %v", gap.FloatString(80))
	}
	for _, text := range []string{"x", "", "2i", "(1,2)", "yes", "9^9^9"} {
		if got, reason := Value(text); got != nil || reason == "" {
			t.Errorf("Value(%q) = %v, %q", text, got, reason)
		}
	}
}
