# Connects by every other kind of socket.
import socket
def f(n):
    for family, kind, address in (
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", int("@UDP@"))),
            (socket.AF_UNIX, socket.SOCK_STREAM, "@CANARY@/socket"),
            (socket.AF_UNIX, socket.SOCK_STREAM, "\0@ABSTRACT@"),
            (socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)),
            (socket.AF_VSOCK, socket.SOCK_STREAM, (2, 1))):
        try:
            with socket.socket(family, kind) as s:
                s.settimeout(1)
                s.connect(address)
                s.send(b"out")
        except OSError: pass
    return 1
