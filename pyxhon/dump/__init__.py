"""`pyxhon dump`: the mixed stack of every thread, once; changes nothing in the process."""

import sys

from pyxhon.dump.as_json import write_json
from pyxhon.dump.as_text import write_text
from pyxhon.dump.taking import take_dump
from pyxhon.target.process import find_process


def dump(number: int, form: str) -> int:
    """Print the stacks of a process as "text" or "json"; gives the exit status."""
    taken = take_dump(find_process(number))
    write = write_json if form == "json" else write_text
    write(taken, sys.stdout)
    return 0
