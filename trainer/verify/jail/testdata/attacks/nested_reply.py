# Answers with a value that nests two thousand deep.
import os
def f(n):
    value = b"0:]"
    for _ in range(2000):
        value = b"%d:%s]" % (len(value), value)
    body = b"5:value," + value
    body = b"%d:%s]" % (len(body), body)
    os.write(4, len(body).to_bytes(4, "big") + body)
    return 1
