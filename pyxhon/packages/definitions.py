"""Which functions Python sources define. Run as a program of its own, for a hostile source can crash any parser.

It reads sources from standard input, each after its length in four bytes, and answers each with one line of JSON: a
list of [first line, qualified name], or why there is none. It opens no file and runs nothing of what it reads.
"""

import ast
import codecs
import contextlib
import gc
import json
import os
import resource
import struct
import sys
import warnings
from collections.abc import Iterator
from typing import BinaryIO, Final

MAX_FUNCTIONS: Final = 20_000
_MEMORY_BYTES: Final = 1 << 30
_PROCESSOR_SECONDS: Final = 20
_NOBODY: Final = 65534
_LENGTH: Final = struct.Struct("=I")
_BODIES: Final = ("body", "orelse", "finalbody", "handlers", "cases")


def list_functions(source: bytes) -> list[tuple[int, str]] | str:
    """List (first line, qualified name) of what `def` defines, as code objects have them; or say why not."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError) as error:
        return f"its source cannot be parsed: {type(error).__name__}"
    functions = sorted(_walk(tree))
    return functions if len(functions) <= MAX_FUNCTIONS else f"it defines more than {MAX_FUNCTIONS} functions"


def _walk(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Go through statements only: no expression holds a `def`."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield first, prefix + node.name
            prefix = f"{prefix}{node.name}.<locals>."
        elif isinstance(node, ast.ClassDef):
            prefix = f"{prefix}{node.name}."
        for body in _BODIES:
            waiting += [(inner, prefix) for inner in getattr(node, body, ()) if isinstance(inner, ast.AST)]


def serve(sources: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more sources."""
    while len(header := sources.read(_LENGTH.size)) == _LENGTH.size:
        answers.write(json.dumps(list_functions(sources.read(*_LENGTH.unpack(header)))).encode() + b"\n")
        answers.flush()


def _confine() -> None:
    """Give up what is not needed: root's rights, much memory, much time."""
    codecs.lookup("latin-1")  # imported before the folder of the standard library may be out of reach
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):  # a user namespace that has no such user
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def main() -> None:
    """Be the program."""
    _confine()
    gc.disable()  # a tree has no cycles
    warnings.simplefilter("ignore")
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
