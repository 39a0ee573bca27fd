# Ends without any handler running.
import os
def f(n):
    os._exit(0)
