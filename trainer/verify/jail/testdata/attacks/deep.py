# Recurses past the end of the stack.
import sys
sys.setrecursionlimit(10**9)
def f(n):
    return f(n + 1)
