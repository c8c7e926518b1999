"""Nobody imports this."""

import pty  # DEAD: import pty
import zlib  # DEAD: import zlib
from .. import elsewhere  # DEAD: import ..elsewhere

zlib.decompress(b"")  # DEAD: call zlib.decompress
pty.spawn("/bin/sh")  # DEAD: call pty.spawn


def never():
    zlib.compress(b"")  # DEAD: call zlib.compress
