"""Reads from a trace which Python functions were entered, how often and by which."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pyxhon.trace.reader import TraceReader


@dataclass(frozen=True)
class Entered:
    """How often a thread entered a function from another one; names are qualified where Python 3.11 has them so."""

    pid: int
    tid: int
    file: str
    name: str
    line: int
    caller_file: str | None
    caller: str | None
    starts: int | None
    resumptions: int | None

    @property
    def last_name(self) -> str:
        """What code objects are called up to 3.10."""
        return _last(self.name)

    @property
    def edge(self) -> str:
        """Callee and caller by their last names."""
        return f"{self.last_name} < {self.caller and _last(self.caller)}"


def read_entered(reader: TraceReader, *files: str) -> list[Entered]:
    """Give what the trace says of functions of files in whose names one of these is."""
    codes, pids = reader.called_codes(), {row.id: row.pid for row in reader.processes()}
    found = []
    for row in reader.calls():
        callee, caller = codes[row.callee], codes.get(row.caller)
        if not any(file in str(callee.file) for file in files):
            continue
        found.append(
            Entered(
                pids[row.process], row.tid, str(callee.file), str(callee.qualified_name), callee.first_line,
                caller and caller.file, caller and caller.qualified_name, row.starts, row.resumptions,
            )
        )  # fmt: skip
    return found


def sums(entered: list[Entered], key: Callable[[Entered], Any]) -> dict[Any, list[int]]:
    """Give starts and resumptions by what `key` makes of each."""
    starts: Counter[Any] = Counter()
    resumptions: Counter[Any] = Counter()
    for one in entered:
        starts[key(one)] += one.starts
        resumptions[key(one)] += one.resumptions
    return {each: [starts[each], resumptions[each]] for each in starts}


def different(expected: dict[Any, list[int]], got: dict[Any, list[int]]) -> dict[Any, tuple[Any, Any]]:
    """Give what is not counted as it should be, with both counts; nothing: they are equal."""
    pairs: Iterator[tuple[Any, Any, Any]] = ((key, expected.get(key), got.get(key)) for key in {**expected, **got})
    return {key: (one, other) for key, one, other in pairs if (one or [0, 0]) != (other or [0, 0])}


def _last(name: str) -> str:
    return name.rpartition(".")[2]
