# Starts processes by bare system calls.
import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
def f(n):
    for number, flags in ((57, 0), (58, 0), (56, 17), (56, 0x10000000 | 17), (435, 0), (220, 17)):
        if libc.syscall(number, flags, 0, 0, 0, 0) == 0:
            while True: time.sleep(1)
    return 1
