# Prints control codes, zeros and bytes that are no text, in lines without end.
import os
def f(n):
    os.write(1, b"\x1b[2J\x1b]0;owned\x07\x00\xff\xfe" + b"\x00" * 100000)
    raise ValueError("\x1b[2J\n\nverdict: pass\r\0")
