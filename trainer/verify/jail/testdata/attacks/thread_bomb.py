# Starts threads without end.
import threading, time
def f(n):
    while True:
        threading.Thread(target=time.sleep, args=(1000,)).start()
