# Opens descriptors without end.
import os
def f(n):
    held = []
    while True:
        held += os.pipe()
