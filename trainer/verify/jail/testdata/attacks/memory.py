# Takes memory without end.
def f(n):
    hoard = []
    while True:
        hoard.append(bytearray(1 << 24))
