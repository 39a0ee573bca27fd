#!/usr/bin/env python3
"""Writes trainer/verify/maths/testdata/pairs.jsonl: pairs of written answers and whether they are equal, decided by SymPy.

Each pair is made from two SymPy objects that are written in different ways (LaTeX, plain text, decimals, mixed numbers,
percentages, other forms of the same expression). The label never comes from how the pair was made: two expressions are equal
when SymPy simplifies their difference to zero, different when it is not zero at 60 digits, at three points where there
are variables; what is neither is left out. Variables are real.

Usage: python scripts/golden/maths_answers.py   (sympy 1.14.0, see requirements.txt)
"""
import json
import pathlib
import random

import sympy as sp

OUT = pathlib.Path(__file__).parents[2] / "trainer/verify/maths/testdata/pairs.jsonl"
R = random.Random(20260101)
X, Y, N = sp.symbols("x y n", real=True)
rows, seen = [], set()


def equal(a, b):
    """True, False or None when SymPy cannot tell."""
    if a == b:
        return True
    for form in (sp.simplify, sp.radsimp, sp.expand, sp.trigsimp, sp.nsimplify):
        try:
            if form(a - b) == 0:
                return True
        except (TypeError, ValueError, AttributeError):
            pass
    free = sorted((a - b).free_symbols, key=str)
    for point in (sp.Rational(7, 5), sp.Rational(-3, 8), sp.Rational(19, 7)):
        subs = {s: point + sp.Rational(k, 3) for k, s in enumerate(free)}
        value = (a - b).subs(subs).evalf(60)
        if value.is_number and abs(value) > sp.Float("1e-40"):
            return False
    return None


def all_equal(a, b):
    """equal of two sequences, part by part."""
    if len(a) != len(b):
        return False
    parts = [equal(p, q) for p, q in zip(a, b)]
    return False if False in parts else None if None in parts else True


def put(family, answer, response, label):
    if label is None or answer == response or (answer, response) in seen:
        return
    seen.add((answer, response))
    rows.append({"family": family, "answer": answer, "response": response, "equal": bool(label)})


def tex(e):
    return sp.latex(e, ln_notation=True)


def plain(e):
    return sp.sstr(e).replace("**", "^").replace("log(", "ln(").replace("I", "i").replace("E", "e")


def dressed(s):
    """The same LaTeX in one of the ways that models write it."""
    return R.choice(
        [
            s,
            s,
            s.replace("\\frac", "\\dfrac"),
            s.replace("\\left", "").replace("\\right", ""),
            f"${s}$",
            f"\\({s}\\)",
            s.replace(" ", ""),
            s + ".",
            s.replace("\\frac", "\\tfrac").replace(" ", "\\,"),
            s.replace("+", " + ").replace("-", "−"),
        ]
    )


def decimal(q):
    """An exact decimal, or None."""
    for digits in range(13):
        if (q * 10**digits).is_integer:
            n = int(q * 10**digits)
            s = str(abs(n)).rjust(digits + 1, "0")
            return ("-" if n < 0 else "") + (s[:-digits] + "." + s[-digits:] if digits else s)
    return None


def rational_forms(q):
    p, d = abs(q.p), q.q
    sign = "-" if q < 0 else ""
    out = [tex(q), plain(q), f"{sign}\\frac{{{p}}}{{{d}}}", f"{sign}{2 * p}/{2 * d}", f"\\frac{{{-q.p}}}{{{-q.q}}}", f"({q.p})/({d})", f"x = {plain(q)}"]
    if p > d > 1:
        out += [f"{sign}{p // d}\\frac{{{p % d}}}{{{d}}}", f"{sign}{p // d} {p % d}/{d}"]
    if s := decimal(q):
        out += [s, s + "0" if "." in s else s + ".0", s + " \\times 10^0", f"{decimal(100 * q)}\\%"]
        out.append(f"{decimal(q * 1000)}e-3")
        out.append(f"{decimal(q / 100) or s}" + (" \\cdot 10^{2}" if decimal(q / 100) else ""))
    if q.q == 1 and p >= 1000:
        out += [f"{sign}{p:,}", f"{sign}{p:,}".replace(",", "{,}"), f"{sign}{p:,}".replace(",", "\\,")]
    if d in (3, 9, 11, 37, 99) and p:
        nines = {3: 9, 9: 9, 11: 99, 37: 999, 99: 99}[d]
        out.append(f"{sign}{p // d}.\\overline{{{str(p % d * nines // d).rjust(len(str(nines)), '0')}}}")
    return out


def rationals():
    qs = [sp.Rational(R.randint(-60, 60), R.choice([1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 16, 25, 37, 40, 99])) for _ in range(60)]
    qs += [sp.Integer(R.choice([1, -1]) * R.randint(1000, 10**7)) for _ in range(15)]
    for q in qs:
        forms = rational_forms(q)
        put("rational", R.choice(forms[:3]), dressed(R.choice(forms[1:])), True)
        put("rational", forms[0], dressed(R.choice(forms)), True)
        wrong = R.choice([q + 1, -q, 1 / q if q else q + 2, q + sp.Rational(1, 10**6), q * 10, q / 100, sp.Rational(round(float(q), 2)).limit_denominator(100)])
        put("rational", forms[0], dressed(R.choice(rational_forms(wrong))), equal(q, wrong))
    for q in (sp.Rational(1, 3), sp.Rational(2, 3), sp.Rational(1, 7), sp.Rational(5, 6), sp.Rational(22, 7)):
        for digits in (2, 3, 6, 12):
            put("rounded", tex(q), str(sp.N(q, digits)), False)


def surds():
    for _ in range(45):
        a, b, c, d = (R.randint(1, 12) for _ in range(4))
        e = R.choice(
            [
                sp.Integer(a) / (sp.sqrt(b + 1) + c),
                (a + b * sp.sqrt(c)) ** 2,
                sp.sqrt(sp.Rational(a, b)) + d,
                (a + sp.sqrt(b)) / (c + sp.sqrt(d + 1)),
                sp.cbrt(a) * sp.cbrt(b * b) + c,
                sp.sqrt(a * a + b * b) - c,
                sp.sqrt(2 * a) * sp.sqrt(3 * b) / d,
            ]
        )
        forms = [e, sp.radsimp(e), sp.expand(e), sp.simplify(e), sp.together(e)]
        f = R.choice(forms)
        put("surd", tex(e), dressed(tex(f)), equal(e, f))
        put("surd", tex(e), plain(R.choice(forms)), True)
        w = R.choice([e + sp.Rational(1, 1000), -e, sp.nsimplify(sp.N(e, 8), rational=True), e.subs(sp.sqrt(2), sp.sqrt(3)) + sp.sqrt(2) / 7, e * 2, sp.conjugate(e) + 1])
        put("surd", tex(e), dressed(tex(w)), equal(e, w))
    for a, b in ((3, 2), (7, 4), (11, 6), (5, 6), (8, 15), (9, 4), (13, 4)):
        nested = sp.sqrt(a + 2 * sp.sqrt(b))
        put("nested surd", tex(nested), tex(sp.sqrtdenest(nested)), equal(nested, sp.sqrtdenest(nested)))
        put("nested surd", tex(nested), tex(sp.sqrtdenest(nested) + sp.Rational(1, 10**9)), False)


def polynomial(degree, symbols=(X,)):
    return sum(R.randint(-6, 6) * sp.prod(s ** R.randint(0, degree) for s in symbols) for _ in range(4)) + R.randint(-5, 5)


def polynomials():
    for _ in range(45):
        symbols = R.choice([(X,), (X,), (X, Y)])
        p, q = polynomial(2, symbols), polynomial(1, symbols)
        e = p * q
        f = R.choice([sp.expand(e), sp.factor(e), sp.collect(sp.expand(e), X)])
        put("polynomial", tex(e), dressed(tex(f)), equal(e, f))
        put("polynomial", tex(f), plain(e), equal(e, f))
        w = R.choice([e + 1, -e, e.subs(X, X + 1), e + X, e.subs(X, Y), e * X])
        put("polynomial", tex(f), dressed(tex(sp.expand(w))), equal(e, w))
        put("polynomial", "f(x) = " + tex(f), plain(sp.expand(e)), equal(e, f))


def rational_functions():
    for _ in range(40):
        p, q, r = X + R.randint(-5, 5), X**2 + R.randint(1, 6), R.randint(1, 5) * X + R.randint(1, 7)
        e = R.choice([p / q + 1 / r, p / (q * r), (p * r) / (q * (X + 9)), 1 / p - 1 / r, (p**2 - 9) / (r * q)])
        f = R.choice([sp.together(e), sp.apart(e), sp.cancel(e), sp.factor(e)])
        put("rational function", tex(e), dressed(tex(f)), equal(e, f))
        put("rational function", tex(e), plain(f), equal(e, f))
        w = R.choice([1 / e, e + 1, e.subs(X, -X), e * 2, sp.numer(sp.together(e)) / (sp.denom(sp.together(e)) + 1)])
        put("rational function", tex(e), dressed(tex(sp.together(w))), equal(e, w))


def functions():
    identities = [
        (sp.sin(2 * X), 2 * sp.sin(X) * sp.cos(X)),
        (sp.cos(2 * X), 1 - 2 * sp.sin(X) ** 2),
        (sp.cos(2 * X), 2 * sp.cos(X) ** 2 - 1),
        (sp.sin(X) ** 2 + sp.cos(X) ** 2 + X, 1 + X),
        (sp.tan(X), sp.sin(X) / sp.cos(X)),
        (sp.exp(2 * X), sp.exp(X) ** 2),
        (sp.exp(X + Y), sp.exp(X) * sp.exp(Y)),
        (2 ** (X + 3), 8 * 2**X),
        (sp.sin(X + Y), sp.sin(X) * sp.cos(Y) + sp.cos(X) * sp.sin(Y)),
        (sp.log(8), 3 * sp.log(2)),
        (sp.log(12), sp.log(3) + 2 * sp.log(2)),
        (sp.log(sp.Rational(9, 4)), 2 * sp.log(3) - sp.log(4)),
        (sp.cosh(X) ** 2, 1 + sp.sinh(X) ** 2),
        (sp.sin(3 * X), 3 * sp.sin(X) - 4 * sp.sin(X) ** 3),
        (sp.atan(1), sp.pi / 4),
        (sp.asin(sp.Rational(1, 2)), sp.pi / 6),
        (sp.cos(sp.pi / 5), (1 + sp.sqrt(5)) / 4),
        (sp.sin(sp.pi / 12), (sp.sqrt(6) - sp.sqrt(2)) / 4),
        (sp.tan(sp.pi / 8), sp.sqrt(2) - 1),
        (sp.sqrt(X**2 + 2 * X + 1), sp.Abs(X + 1)),
        (sp.exp(sp.log(5)), sp.Integer(5)),
        (X * sp.exp(-X) + sp.exp(-X), (X + 1) / sp.exp(X)),
        (sp.log(X**2 + 1) / 2, sp.log(sp.sqrt(X**2 + 1))),
        (sp.Abs(X) ** 2, X**2),
        (sp.sqrt(X**2), X),
        (sp.log(X**2 + 1), 2 * sp.log(X + 1)),
        (sp.exp(X**2), sp.exp(X) ** 2),
        (sp.sin(X**2), sp.sin(X) ** 2),
        (sp.sin(X), sp.sin(-X)),
        (sp.cos(X), sp.cos(-X)),
        (sp.log(2) * sp.log(3), sp.log(6)),
        (sp.log(3) / sp.log(2), sp.log(sp.Rational(3, 2))),
        (sp.exp(sp.pi), sp.pi**sp.E),
        (sp.pi**2 / 6, sp.Rational(16449, 10000)),
        (sp.sqrt(sp.pi), sp.Rational(17725, 10000)),
        (sp.atan(sp.Rational(1, 2)) + sp.atan(sp.Rational(1, 3)), sp.pi / 4),
        (4 * sp.atan(sp.Rational(1, 5)) - sp.atan(sp.Rational(1, 239)), sp.pi / 4),
        (sp.acos(X) + sp.asin(X), sp.pi / 2),
    ]
    for a, b in identities:
        label = equal(a, b)
        with sp.evaluate(True):
            for left, right in ((a, b), (b, a)):
                put("function", tex(left), dressed(tex(right)), label)
                put("function", tex(left), plain(right), label)
        c = R.choice([sp.Rational(1, 100), X, sp.Rational(1, 10**12)])
        put("function", tex(a), dressed(tex(b + c)), equal(a, b + c))
        put("function", tex(sp.Rational(3, 7) * a), dressed(tex(sp.expand(3 * b) / 7)), label)


def constants():
    for _ in range(30):
        q = sp.Rational(R.randint(-20, 20), R.choice([1, 2, 3, 4, 6, 7]))
        k = R.choice([sp.pi, sp.E, sp.pi**2, sp.E**2, sp.sqrt(sp.pi)])
        e = q * k + R.choice([0, 1, sp.sqrt(2)])
        put("constant", tex(e), plain(e), True)
        put("constant", tex(e), dressed(tex(sp.together(e))), True)
        w = R.choice([e + 1, sp.nsimplify(sp.N(e, 10), rational=True), -e, e * sp.pi])
        put("constant", tex(e), dressed(tex(w)), equal(e, w))
    for degrees in (0, 15, 30, 45, 60, 90, 120, 135, 180, 270, 360):
        angle = sp.pi * degrees / 180
        put("degrees", f"{degrees}^\\circ", tex(angle), True)
        put("degrees", tex(sp.sin(angle)), f"\\sin {degrees}^{{\\circ}}", True)
        put("degrees", tex(sp.cos(angle) + 1), f"1 + \\cos {degrees}°", True)
        put("degrees", tex(sp.sin(angle)), f"\\sin {degrees + 7}^{{\\circ}}", equal(sp.sin(angle), sp.sin(angle + 7 * sp.pi / 180)))


def complex_numbers():
    for _ in range(30):
        z = R.randint(-9, 9) + R.randint(-9, 9) * sp.I
        w = R.randint(1, 5) + R.choice([-3, -2, -1, 1, 2, 3]) * sp.I
        e = R.choice([z * w, z / w, z**2, z + w, sp.sqrt(2) * z])
        f = sp.expand(sp.radsimp(e))
        put("complex", tex(f), plain(sp.nsimplify(e)), equal(e, f))
        with sp.evaluate(False):
            product = sp.Mul(z, w)
        put("complex", tex(sp.expand(z * w)), f"({plain(z)})({plain(w)})", True)
        put("complex", tex(sp.expand(z * w)), tex(product), True)
        v = R.choice([sp.conjugate(f), f + 1, -f, f * sp.I])
        put("complex", tex(f), dressed(tex(v)), equal(f, v))


def values(n):
    return [R.choice([sp.Integer(R.randint(-9, 9)), sp.Rational(R.randint(-9, 9), R.randint(2, 7)), sp.sqrt(R.randint(2, 9)), sp.pi / R.randint(1, 4)]) for _ in range(n)]


def other(v):
    q = v.copy()
    q[R.randrange(len(q))] += R.choice([1, -1, sp.Rational(1, 50)])
    return q


def joined(v, write):
    return ", ".join(write(e) for e in v)


def structures():
    for _ in range(35):
        v = values(R.randint(2, 4))
        w = other(v)
        swapped = v[1:] + v[:1]
        put("tuple", f"({joined(v, tex)})", dressed(f"\\left({joined(v, tex)}\\right)"), True)
        put("tuple", f"({joined(v, tex)})", f"({joined(v, plain)})", True)
        put("tuple", f"({joined(v, tex)})", f"({joined(w, plain)})", all_equal(v, w))
        put("tuple", f"({joined(v, tex)})", f"({joined(swapped, plain)})", all_equal(v, swapped))
        a, b, c = sp.FiniteSet(*v), sp.FiniteSet(*swapped), sp.FiniteSet(*w)
        put("set", tex(a), f"\\{{{joined(swapped, plain)}\\}}", a == b)
        put("set", tex(a), dressed(f"\\left\\{{{joined(w, tex)}\\right\\}}"), False if a != c else None)
        put("list", joined(v, tex), joined(swapped, plain), True)
        put("list", joined(v, tex), joined(v[:-1], plain), False)
        put("list", "x = " + joined(v, tex), " or ".join("x = " + plain(e) for e in swapped), True)
    for _ in range(25):
        low = sp.Rational(R.randint(-20, 5), R.choice([1, 1, 2, 3]))
        high = low + R.randint(1, 9)
        flags = R.random() < 0.5, R.random() < 0.5
        i = sp.Interval(low, high, *flags)
        less = [" < " if f else " \\le " for f in flags]
        put("interval", tex(i), f"{plain(low)}{less[0]}x{less[1]}{plain(high)}", True)
        put("interval", tex(i), f"{plain(high)}{less[1].replace('<', '>').replace('le', 'ge')}x{less[0].replace('<', '>').replace('le', 'ge')}{plain(low)}", True)
        j = sp.Interval(low, high, not flags[0], flags[1])
        put("interval", tex(i), dressed(tex(j)), i == j)
        j = sp.Interval(low, high + sp.Rational(1, 4), *flags)
        put("interval", tex(i), dressed(tex(j)), i == j)
        up = sp.Interval(high, sp.oo, flags[0])
        put("interval", tex(up), f"x {'>' if flags[0] else '>='} {plain(high)}", True)
        u = sp.Union(sp.Interval(-sp.oo, low, True, flags[0]), up)
        put("union", tex(u), dressed(f"{tex(u.args[1])} \\cup {tex(u.args[0])}"), True)
        put("union", tex(u), dressed(tex(sp.Union(u.args[0], sp.Interval(high + 1, sp.oo)))), False)
    for _ in range(15):
        m = sp.Matrix(2, R.randint(1, 3), lambda i, j: R.choice([R.randint(-5, 5), sp.Rational(R.randint(1, 5), 2)]))
        body = " \\\\ ".join(" & ".join(plain(e) for e in m.row(i)) for i in range(2))
        put("matrix", sp.latex(m, mat_delim="", mat_str="pmatrix"), f"\\begin{{bmatrix}}{body}\\end{{bmatrix}}", True)
        k = m.copy()
        k[R.randrange(len(k))] += 1
        put("matrix", sp.latex(m, mat_delim="", mat_str="pmatrix"), sp.latex(k, mat_delim="", mat_str="bmatrix"), False)


def equations():
    for _ in range(30):
        a, b, c = R.randint(1, 9), R.choice([-4, -3, -2, 2, 3, 5]), R.randint(-9, 9)
        line = sp.Eq(a * X + b * Y, c)
        factor = R.choice([2, -1, -3, sp.Rational(1, 2)])
        same = sp.Eq(line.lhs * factor - line.rhs * factor, 0, evaluate=False)
        put("equation", tex(line), tex(same), True)
        put("equation", tex(line), f"{plain(c - b * Y)} = {plain(a * X)}", True)
        put("equation", tex(line), tex(sp.Eq(a * X + b * Y, c + 1)), False)
        put("equation", tex(line), tex(sp.Eq(a * X - b * Y, c)), False)
        slope, start = sp.Rational(-a, b), sp.Rational(c, b)
        put("equation", f"y = {tex(slope * X + start)}", f"y = {plain(sp.together(slope * X + start))}", True)
        put("equation", f"y = {tex(slope * X + start)}", plain(slope * X + start), True)
        put("equation", f"y = {tex(slope * X + start)}", f"y = {plain(slope * X - start - 1)}", equal(slope * X + start, slope * X - start - 1))


def main():
    for make in (rationals, surds, polynomials, rational_functions, functions, constants, complex_numbers, structures, equations):
        make()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with OUT.open("w") as f:
        json.dump({"generator": "scripts/golden/maths_answers.py", "sympy": sp.__version__, "pairs": len(rows)}, f)
        f.write("\n")
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
    equal_pairs = sum(r["equal"] for r in rows)
    print(len(rows), "pairs,", equal_pairs, "equal,", len(rows) - equal_pairs, "different")


main()
