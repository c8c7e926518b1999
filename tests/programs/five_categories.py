"""Does one act of each category, the file act five times, and prints a line."""

import ctypes
import os
import socket

for _ in range(5):
    open("/etc/hosts").close()
with socket.socket() as peer:
    peer.connect_ex(("127.0.0.1", 9))
ctypes.CDLL("libm.so.6")
os.system("exit 0")
eval("1 + 1")
print("done")
