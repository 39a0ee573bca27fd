# Raises its own class by the name of one that ends loops.
# tests: assert all(map(lambda n: f(n) == @SECRET@ + n, range(3)))
StopIteration = type("StopIteration", (Exception,), {})
GeneratorExit = type("GeneratorExit", (BaseException,), {})
def f(n):
    raise (StopIteration if n % 2 else GeneratorExit)
