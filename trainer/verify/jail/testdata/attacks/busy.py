# Computes without end and swallows every exception.
def f(n):
    while True:
        try:
            while True: n += 1
        except BaseException:
            pass
