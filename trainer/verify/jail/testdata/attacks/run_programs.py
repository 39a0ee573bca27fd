# Runs other programs, privileged ones among them.
import os, subprocess
def f(n):
    for words in (["/bin/sh", "-c", "touch @CANARY@/ran"], ["/usr/bin/touch", "@CANARY@/ran"], ["/bin/su"], ["sudo", "touch", "@CANARY@/ran"]):
        try: subprocess.run(words, timeout=1)
        except (OSError, subprocess.SubprocessError): pass
    os.system("touch @CANARY@/ran")
    for path in ("/bin/su", "/usr/bin/mount", "/lib64/ld-linux-x86-64.so.2"):
        try: os.execv(path, [path, "/usr/bin/touch", "@CANARY@/ran"])
        except OSError: pass
    return 1
