# Prints without end.
import os
def f(n):
    while True:
        os.write(1, b"x" * 65536)
