"""Raises an audit event every millisecond that carries the time at which it was raised."""

import sys
import time

sys.stdout.write("ready\n")
sys.stdout.flush()
deadline = time.monotonic() + 120
while time.monotonic() < deadline:
    sys.audit("bench.tick", time.monotonic_ns())
    time.sleep(0.001)
