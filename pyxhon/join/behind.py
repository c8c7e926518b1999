"""Audit events raised on behalf of a DLL: C code that calls Python's own functions has no Python frame of its own.

What an audit event is raised under, only the system calls of the same Python stack show.
"""

from collections.abc import Iterable

from pyxhon.categories import SYSTEM_KINDS
from pyxhon.join.answerable import Answerable
from pyxhon.join.frameless import Sighting
from pyxhon.join.owners import Attribution

_Place = tuple[int, int | None]  # process and Python stack


class Behind:
    """Finds the DLL between the innermost Python frame and the function that raises an event."""

    def __init__(self, answerable: Answerable) -> None:
        self._answerable = answerable
        self._found: dict[_Place, set[Attribution | None]] = {}

    def start_batch(self, batch: Iterable[Sighting]) -> None:
        """Look at the system calls that CPython's own functions make."""
        self._found = {}
        for seen in batch:
            is_call = seen.event.kind in SYSTEM_KINDS and bool(seen.view.frames) and bool(seen.native.foreign)
            if is_call and not seen.view.is_import and not seen.native.is_handler and not seen.native.is_loader:
                by = self._answerable.behind(seen)
                self._found.setdefault((seen.process.id, seen.event.python_stack), set()).add(by)

    def find(self, seen: Sighting) -> Attribution | None:
        """Give the DLL's package; None where the Python frame itself calls, or both do."""
        found = self._found.get((seen.process.id, seen.event.python_stack), set())
        return next(iter(found)) if len(found) == 1 else None
