# Raises in the hope that failing counts as skipping.
def f(n):
    raise AssertionError
