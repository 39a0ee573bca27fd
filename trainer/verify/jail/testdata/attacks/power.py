# Computes a power with a billion digits.
def f(n):
    return 10 ** 10 ** 9
