# Answers with bytes that are no message.
import os
def f(n):
    os.write(4, b"\x00\x00\x00\x08" + b"\xff" * 8)
    os.write(4, b"\x7f\xff\xff\xff" + b"9" * 1000)
    return 1
