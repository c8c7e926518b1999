"""Runs a program and, when it has come to its end, says so and stays, with all that it made and its threads.

The arguments are a descriptor to say it on and the program.
"""

import contextlib
import os
import runpy
import signal
import sys


def main() -> None:
    """Run it; a program that fails ends."""
    descriptor, program = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - takes no keyword
    sys.argv[:], sys.path[0] = [program], os.path.dirname(program)  # noqa: PTH120 - a text
    kept = {}
    with contextlib.suppress(SystemExit):
        kept = runpy.run_path(program, run_name="__main__")  # what it holds on to is held on
    os.write(descriptor, b"\n")
    signal.sigwait({signal.SIGTERM})
    del kept


main()
