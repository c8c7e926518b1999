"""Which functions of a process had already run when we came: read from outside, in pieces.

What CPython has changed in a code object says whether it ran (`run_evidence`); the code objects are those that the
process could still run (`reachable_code`). The process goes on meanwhile: what runs for the first time between two
pieces may or may not be told as having run.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyxhon.cpython.layout import Layout
from pyxhon.cpython.objects import Memory, follow, read_text
from pyxhon.cpython.pages import Pages
from pyxhon.cpython.reachable_code import CodeWalk, read_values
from pyxhon.cpython.run_evidence import Evidence, find_evidence
from pyxhon.cpython.stacks import StackReader

_MAX_INTERPRETERS = 256
_PIECE = 8_000  # of the effort of a walk: about 10 ms
_FRESH_S = 0.25  # how long a page that was read stands for what is there


@dataclass(frozen=True, slots=True)
class RanFunction:
    """A code object; `has_run` is None where that is not known."""

    code_address: int
    file: str
    qualified_name: str
    first_line: int
    has_run: bool | None


@dataclass(frozen=True, slots=True)
class Piece:
    """What one piece of the work gave; `problems` says what could not be read."""

    functions: tuple[RanFunction, ...]
    problems: tuple[str, ...] = ()


def shows_what_ran(layout: Layout) -> bool:
    """Say whether this CPython leaves traces of what has run: 3.11, and 3.13 and later do."""
    return find_evidence(layout) is not None


def read_ran_functions(
    read: Callable[[int, int], bytes | None], layout: Layout, runtime_address: int
) -> Iterator[Piece]:
    """Give every code object that can be reached, each once; `runtime_address` is where `_PyRuntime` is.

    Each piece takes some 10 ms; between two of them the caller may do other things, for as long as it likes.
    """
    pages = Pages(read)
    memory = Memory(pages.block, layout)
    walk = CodeWalk(memory, pages)
    evidence = find_evidence(layout)
    yield Piece((), tuple(_begin(walk, memory, runtime_address)))
    began = time.monotonic()
    while not walk.is_over:
        if time.monotonic() - began > _FRESH_S:
            pages.forget()
            began = time.monotonic()
        reader = _Reader(memory, pages, evidence, {})
        found = [reader.describe(address) for address in walk.advance(_PIECE)]
        functions = tuple(function for function in found if function is not None)
        unreadable = len(found) - len(functions)
        yield Piece(functions, (f"{unreadable} code objects cannot be read",) if unreadable else ())
    if walk.is_cut_short:
        yield Piece((), ("too much to read: functions were left out",))


def _begin(walk: CodeWalk, memory: Memory, runtime_address: int) -> Iterator[str]:
    """Note down where a walk starts; give what cannot be read."""
    layout = memory.layout
    head = runtime_address + layout.runtime_interpreters_head
    for number, interpreter in enumerate(follow(memory, head, layout.interpreter_next, _MAX_INTERPRETERS)):
        modules = read_values(memory, memory.pointer(interpreter + layout.interpreter_modules))
        walk.waiting[0].extend(modules)
        if not modules:
            yield f"sys.modules of interpreter {number} cannot be read"
    stacks = StackReader(memory, runtime_address)
    for state in stacks.thread_states():
        walk.waiting[0].extend(stacks.read_codes(state))
    if not walk.waiting[0]:
        yield "the interpreters cannot be read"


@dataclass(slots=True)
class _Reader:
    """Describes code objects; those of one module share the file's name, which is read once."""

    memory: Memory
    pages: Pages
    evidence: Evidence | None
    files: dict[int, str | None]

    def describe(self, address: int) -> RanFunction | None:
        layout, word = self.memory.layout, self.pages.word
        file = self._file(word(address + layout.code_filename))
        name_offset = layout.code_qualname if layout.code_qualname is not None else layout.code_name
        name_address = word(address + name_offset)
        name = read_text(self.memory, name_address) if name_address else None
        first_line = self.memory.signed_int(address + layout.code_first_line)
        if file is None or name is None or first_line is None:
            return None
        has_run = None if self.evidence is None else self.evidence(self.pages, address)
        return RanFunction(address, file, name, first_line, has_run)

    def _file(self, address: int | None) -> str | None:
        if not address:
            return None
        if address not in self.files:
            self.files[address] = read_text(self.memory, address)
        return self.files[address]
