"""A module that says 10 GB."""

import sys

for _ in range(10_000):
    sys.stdout.write("<script>alert(1)</script>\x1b[31m|" * (1 << 15) + "\n")
