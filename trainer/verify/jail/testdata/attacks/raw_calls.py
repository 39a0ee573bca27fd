# Makes namespaces, mounts, rings and other kernel objects by bare system calls.
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
harmful = {"unshare": 272, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308, "bpf": 321, "perf_event_open": 298,
           "io_uring_setup": 425, "userfaultfd": 323, "keyctl": 250, "add_key": 248, "ptrace": 101, "socket": 41, "memfd_create": 319, "mknod": 133,
           "sethostname": 170, "reboot": 169, "init_module": 175, "kexec_load": 246, "setuid": 105, "personality": 135, "open_by_handle_at": 304}
def f(n):
    worked = []
    for name, number in harmful.items():
        if libc.syscall(number, 0x10000000, 0, 0, 0, 0, 0) >= 0: worked.append(name)
    if worked: open("@CANARY@/" + worked[0], "w")
    return worked or 1
