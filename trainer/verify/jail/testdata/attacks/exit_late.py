# Ends from a destructor and from the handlers of the interpreter's end.
import atexit, os
atexit.register(os._exit, 0)
class Bomb:
    def __del__(self):
        raise SystemExit(0)
def f(n):
    Bomb()
    return 0
