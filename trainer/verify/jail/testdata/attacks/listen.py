# Waits for somebody to connect.
import socket
def f(n):
    try:
        with socket.socket() as s:
            s.bind(("0.0.0.0", 0))
            s.listen()
            s.accept()
    except OSError: pass
    return 1
