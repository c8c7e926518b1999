"""Python stacks that are only inherited: a thread or child that never ran Python has what its maker left there.

It was forked, or made with its maker's thread-local storage, in the midst of a call; as long as it does not run Python
code, the innermost frame stands at the instruction that made it.
"""

from pyxhon.join.frameless import Sighting
from pyxhon.join.provenance import Provenance
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow

_MAX_KNOWN = 50_000
_Frames = tuple[tuple[str | None, str | None, int], ...]


class Inherited:
    """Tells of each act whether the Python stack it was seen with is its maker's."""

    def __init__(self, trace: TraceReader, provenance: Provenance) -> None:
        self._trace = trace
        self._provenance = provenance
        self._stacks: dict[int, _Frames] = {}
        self._makers: dict[
            tuple[int, int], int | None
        ] = {}  # (process, thread) → Python stack of the call that made it

    def start_batch(self) -> None:
        """Allow makers that were not known to be looked for again."""
        self._makers = {key: stack for key, stack in self._makers.items() if stack is not None}

    def is_inherited(self, seen: Sighting) -> bool:
        """Tell whether a thread or a process has run no Python code since it was made."""
        event = seen.event
        if event.python_stack is None or (event.tid == seen.process.pid and seen.process.origin != "fork"):
            return False
        stack = self._stack_of_maker(seen)
        return stack is not None and self._frames(stack) == self._frames(event.python_stack)

    def _stack_of_maker(self, seen: Sighting) -> int | None:
        key = (seen.process.id, seen.event.tid)
        if key not in self._makers:
            if len(self._makers) >= _MAX_KNOWN:
                self._makers.clear()
            maker = self._find_maker(seen)
            self._makers[key] = maker.python_stack if maker is not None else None
        return self._makers[key]

    def _find_maker(self, seen: Sighting) -> EventRow | None:
        if seen.event.tid != seen.process.pid:
            return self._provenance.creator_of_thread(seen.process, seen.event.tid, seen.event.first_ns)
        return self._provenance.creator_of_process(seen.process)

    def _frames(self, stack: int) -> _Frames:
        found = self._stacks.get(stack)
        if found is None:
            if len(self._stacks) >= _MAX_KNOWN:
                self._stacks.clear()
            rows = self._trace.stack(stack)
            found = self._stacks[stack] = tuple((row.file, row.function, row.instruction) for row in rows)
        return found
