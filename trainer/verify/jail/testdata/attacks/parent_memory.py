# Reads the memory of the processes above and beside it.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def f(n):
    for pid in (os.getppid(), 1, int("@PID@"), os.getpid() + 1):
        room = ctypes.create_string_buffer(4096)
        got = libc.process_vm_readv(pid, ctypes.byref(Vector(ctypes.addressof(room), 4096)), 1, ctypes.byref(Vector(0x400000, 4096)), 1, 0)
        if got > 0: return room.raw
        if libc.ptrace(16, pid, 0, 0) == 0: return b"traced"
        try: return open(f"/proc/{pid}/mem", "rb").read(16)
        except OSError: pass
    return 0
