# Matches a pattern that takes exponential time.
import re
def f(n):
    return re.match(r"(a+)+$", "a" * 64 + "b")
