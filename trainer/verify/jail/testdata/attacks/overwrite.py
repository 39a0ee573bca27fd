# Writes into the user's files.
import os
def f(n):
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_TRUNC, os.O_CREAT | os.O_RDWR):
        for path in ("@CANARY@/secret", "@CANARY@/new", "@CANARY@/conftest.py"):
            try: os.write(os.open(path, flags, 0o666), b"owned")
            except OSError: pass
    return 1
