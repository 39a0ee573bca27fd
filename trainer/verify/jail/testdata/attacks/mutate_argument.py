# Changes its argument so that it equals the answer.
# tests: x = [@SECRET@]; assert f(x) == x
def f(x):
    x.clear()
    return x
