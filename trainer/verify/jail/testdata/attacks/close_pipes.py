# Closes its pipes and opens others in their place.
import os
os.close(3)
os.close(4)
r, w = os.pipe()
def f(n):
    return 1
