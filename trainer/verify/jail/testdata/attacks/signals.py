# Sends signals to every process there is.
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def f(n):
    for pid in (int("@PID@"), os.getppid(), -1, 0, *range(2, 200)):
        for act in (lambda: os.kill(pid, signal.SIGKILL), lambda: os.killpg(pid, signal.SIGKILL), lambda: libc.syscall(234, pid, pid, 9), lambda: libc.syscall(200, pid, 9), lambda: libc.syscall(129, pid, 9, 0)):
            if pid == 0: continue
            try: act()
            except (OSError, OverflowError): pass
    return 1
