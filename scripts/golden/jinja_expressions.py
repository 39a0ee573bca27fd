#!/usr/bin/env python3
"""Writes loader/template/testdata/expressions.json.gz: random expressions and what transformers' Jinja makes of them
(null: it raises). Expressions whose Python result depends on things outside the subset are left out.

Usage: python scripts/golden/jinja_expressions.py   (transformers 5.23, Jinja2 3.1.6)
"""

import copy
import gzip
import json
import pathlib
import random
import warnings

from transformers.utils.chat_template_utils import _compile_jinja_template

OUT = pathlib.Path(__file__).parents[2] / "loader/template/testdata/expressions.json.gz"
ATOMS = ["0", "1", "-3", "7", "2.5", "-0.5", "1e3", "'a'", "'Hello World'", "''", "' x y '", "'a,b,c'", "'ÄÖß é'", "'ab\\ncd'", "true", "false", "none", "nope", "[]", "[1, 2, 3]",
         "['b', 'A', 'c']", "[[1, 2], [3, 4]]", "(1, 'x')", "{}", "{'a': 1, 'b': [2]}", "{'x': {'y': 'z'}}", "m", "m.content", "m['role']", "m.nope", "ms", "ms[0]", "ms[-1].content", "range(4)"]
FILTERS = ["trim", "upper", "lower", "title", "capitalize", "length", "first", "last", "list", "join", "join('-')", "string", "int", "float", "tojson", "tojson(indent=1)", "default('d')",
           "default('d', true)", "reverse", "sort", "unique", "sum", "max", "min", "abs", "round", "items", "dictsort", "replace('a', 'b')", "indent", "map('upper')", "map('string')",
           "select('string')", "reject('none')", "selectattr('role')", "map(attribute='role')"]
LAZY = {"reverse", "unique", "items", "map('upper')", "map('string')", "select('string')", "reject('none')", "selectattr('role')", "map(attribute='role')"}
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "true", "false", "odd", "even", "in [1, 'a', none]", "eq 1", "ne 'a'", "gt 0",
         "divisibleby 2", "callable", "lower", "upper"]
METHODS = ["strip()", "lstrip('a ')", "split()", "split(',')", "split('l', 1)", "rsplit('l', 1)", "startswith('a')", "endswith(('d', 'c'))", "replace('l', 'L', 1)", "upper()", "lower()", "title()",
           "capitalize()", "find('l')", "count('l')", "isdigit()", "isalpha()", "splitlines()", "removeprefix('H')", "get('a')", "get('q', 5)", "join(['x', 'y'])"]


def expression(r, depth):
    if depth == 0 or r.random() < 0.12:
        return r.choice(ATOMS)
    e = lambda: expression(r, depth - 1)
    kind = r.randrange(13)
    if kind < 2:
        return f"{e()} {r.choice(['+', '-', '*', '/', '//', '%', '~', '+', '~'])} {e()}"
    if kind == 2:
        return f"{e()} {r.choice(['==', '!=', '<', '<=', '>', '>=', 'in', 'not in'])} {e()}"
    if kind == 3:
        return f"({e()} {r.choice(['and', 'or'])} {e()})"
    if kind == 4:
        return f"({e()} if {e()} else {e()})"
    if kind == 5:
        return f"(not {e()})"
    if kind in (6, 7, 8):
        f = r.choice(FILTERS)
        return f"({e()}) | {f}" + (" | list" if f in LAZY else "")
    if kind == 9:
        return f"(({e()}) is {r.choice(['', 'not '])}{r.choice(TESTS)})"
    if kind == 10:
        return f"({e()}).{r.choice(METHODS)}"
    if kind == 11:
        return f"({e()})[{r.choice(['0', '-1', '1:', ':-1', '::-1', '1:3', ':2', repr('a'), repr('x'), '-2:', '::2', '5'])}]"
    return f"[{e()}, {e()}]"


def main():
    warnings.simplefilter("ignore")  # Python warns of 1[2] when it compiles the template
    r = random.Random(34)
    environment = _compile_jinja_template("").environment
    environment.optimized = False
    data = {"m": {"role": "user", "content": "Hello, <b>wörld</b>!", "n": 3, "f": 2.0, "t": True, "z": None}, "ms": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "x": [1, {"k": "v"}]}]}
    cases = []
    while len(cases) < 8000:
        # Jinja folds constants by other rules than it computes by (it makes 1[2:] undefined); m keeps it from folding.
        source = "{{ [m, " + expression(r, r.randint(1, 4)) + "][1] }}"
        try:
            want = environment.from_string(source).render(**copy.deepcopy(data))
        except Exception:
            want = None
        if want is not None and (len(want) > 2000 or any(s in want for s in ("object at", "<built-in", "range(", "dict_", "Undefined", "<bound", "<generator", "<class"))):
            continue
        cases.append([source, want])
    value = {"data": data, "cases": cases}
    OUT.write_bytes(gzip.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0))
    print(len(cases), "expressions,", sum(w is None for _, w in cases), "raise,", OUT.stat().st_size, "bytes")


main()
