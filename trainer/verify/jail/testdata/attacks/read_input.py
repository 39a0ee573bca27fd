# Reads its standard input and waits for more.
import sys
def f(n):
    return sys.stdin.read() or input()
