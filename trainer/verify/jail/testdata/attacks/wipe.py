# Removes the user's files.
import os, shutil
def f(n):
    shutil.rmtree("@CANARY@", ignore_errors=True)
    for act in (os.remove, os.unlink, os.rmdir, lambda p: os.rename(p, p + "x"), lambda p: os.truncate(p, 0), lambda p: os.chmod(p, 0), lambda p: os.utime(p, (0, 0))):
        for path in ("@CANARY@/secret", "@CANARY@"):
            try: act(path)
            except OSError: pass
    return 1
