# Returns what it was given.
def f(n, *rest):
    return n
