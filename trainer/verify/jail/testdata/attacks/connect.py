# Connects to a server on this machine.
import socket
def f(n):
    for address in (("127.0.0.1", int("@PORT@")), ("::1", int("@PORT@"))):
        try:
            with socket.create_connection(address, timeout=1) as s: s.sendall(b"out")
        except OSError: pass
    return 1
