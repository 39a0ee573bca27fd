# Writes errors without end, while it is loaded.
import sys
while True:
    sys.stderr.write("x" * 65536)
