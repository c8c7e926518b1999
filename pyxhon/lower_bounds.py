"""Whether what is counted in a process are lower bounds: where a JIT is on, functions run without being entered."""

import os
from collections.abc import Sequence

from pyxhon.interpreters import Interpreter
from pyxhon.target.process import read_environment


def describe_doubt(interpreter: Interpreter | None, pid: int, arguments: Sequence[str]) -> str:
    """Give what coverage has to say of counts in a process; nothing where they are whole."""
    jit = interpreter.jit if interpreter is not None else None
    if jit is None:
        return ""
    # A process that is gone was most likely started with what we were started with.
    is_on = jit.is_on(arguments, read_environment(pid) or os.environ)
    if is_on is None:
        return "lower bounds where its JIT is on, which is not known"
    return "lower bounds: a JIT is on" if is_on else ""
