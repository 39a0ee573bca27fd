# Plants links for others to follow.
import os
def f(n):
    made = 0
    for act in (os.symlink, os.link):
        for place in (".", "/tmp", "@CANARY@", "/usr/lib"):
            try: act("@CANARY@/secret", os.path.join(place, "link")); made += 1
            except OSError: pass
    return made
