"""Records wait a moment before they are taken: who follows a program with all his might takes it from the program.

Nothing waits in the ring buffer. What begins or ends a process is taken at once, with all that came before it and what
comes next, for it may have to be probed.
"""

import time
from collections.abc import Callable
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.events import EventKind

_WAIT_S: Final = 0.2  # less than between two commits
_MOST_BYTES: Final = 8 << 20
_AT_ONCE: Final = frozenset(kind.to_bytes(2, "little") for kind in (EventKind.FORK, EventKind.EXEC, EventKind.EXIT))


class Batches:
    """Gives the records of the probes, many at a time; without patience as soon as they come."""

    def __init__(self, probes: Probes, see: Callable[[list[bytes]], None], *, is_patient: bool = True) -> None:
        self._probes = probes
        self._see = see
        self._fetched: list[bytes] = []
        self._fetched_bytes = 0
        self._wait_s = _WAIT_S if is_patient else 0.0
        self._records: list[bytes] = []
        self._stacks: list[bytes] = []
        self._bytes = 0
        self._due_s = 0.0
        self._is_hurried = True
        self.is_idle = True  # nothing came and nothing waits
        self.is_late = False  # what was given last had waited its time

    def fetch(self) -> None:
        """Take records from the kernel and let them be seen; the next `read` gives them first.

        Not their stacks, which are there before them and found when they are needed. Not more than a bit: what comes
        faster than it is taken stays in the ring buffer.
        """
        if self._fetched_bytes < _MOST_BYTES:
            self._add_fetched(self._probes.read_records())

    def _add_fetched(self, records: list[bytes]) -> None:
        self._see(records)
        self._fetched += records
        self._fetched_bytes += sum(map(len, records))

    def read(self, *, is_last: bool) -> tuple[list[bytes], list[bytes]]:
        """Give records and the native stacks that they name, oldest first; nothing while they wait."""
        records, stacks = self._probes.read()
        self._add_fetched(records)
        records, self._fetched, self._fetched_bytes = self._fetched, [], 0
        now = time.monotonic()
        if not self._records and not self._stacks:
            self._due_s = now + self._wait_s
        has_life = any(record[:2] in _AT_ONCE for record in records)
        self._records += records
        self._stacks += stacks
        self._bytes += sum(map(len, records)) + sum(map(len, stacks))
        self.is_idle = not self._records and not self._stacks
        self.is_late = not self.is_idle and now >= self._due_s
        is_due = is_last or has_life or self._is_hurried or self.is_late or self._bytes >= _MOST_BYTES
        if self.is_idle or not is_due:
            return [], []
        self._is_hurried = has_life
        given = self._records, self._stacks
        self._records, self._stacks, self._bytes = [], [], 0
        return given
