# Makes a million files and directories.
import os
def f(n):
    made = 0
    for i in range(1000000):
        try: os.mkdir(f"d{i}"); made += 1
        except OSError:
            if i > 10000: break
    return made
