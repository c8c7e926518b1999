"""Functions that had run before we came: read from a process's memory in moments when there is nothing else to do."""

import functools
import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyxhon.cpython.ran_functions import Piece, read_ran_functions, shows_what_ran
from pyxhon.entry_probing import EntryProbing
from pyxhon.losses import Losses
from pyxhon.ownership import Ownership
from pyxhon.process_images import Image
from pyxhon.resolve import Resolver
from pyxhon.target.process import read_memory
from pyxhon.trace.rows import CallRow
from pyxhon.trace.store import Store

_logger = logging.getLogger(__name__)
_NO_GENERATION: Final = -1  # the probes do not know these code objects
_AT_ONCE_S: Final = 0.02
_REST_S: Final = 0.04  # between two moments
_AT_END_S: Final = 2.0  # for all that is left when recording ends
_IN_ALL_S: Final = 20.0  # of processor time: some forty processes of a large service
_UNREAD: Final = "earlier_functions_unread"


@dataclass(slots=True)
class _Reading:
    """One process being read."""

    image: Image
    pieces: Iterator[Piece]


class EarlierFunctions:
    """Reads, piece by piece, which functions of processes had run; only where first executions are seen, too."""

    def __init__(self, store: Store, resolver: Resolver, ownership: Ownership, entries: EntryProbing) -> None:
        self._store = store
        self._resolver = resolver
        self._ownership = ownership
        self._entries = entries
        self._waiting: deque[_Reading] = deque()
        self._unread: dict[int, int] = {}  # processes that were not read to the end
        self._left_s = _IN_ALL_S
        self._next_s = 0.0

    def add(self, image: Image, runtime_address: int) -> None:
        """Take a process that is followed from now on; `runtime_address` is where its `_PyRuntime` is."""
        layout = image.code.layout
        if layout is not None and self._entries.is_seeing and shows_what_ran(layout):
            read = functools.partial(read_memory, image.pid)
            self._waiting.append(_Reading(image, read_ran_functions(read, layout, runtime_address)))

    @property
    def has_work(self) -> bool:
        """Tell whether there is something left to read, and it is time to: the target needs its memory, too."""
        return bool(self._waiting) and time.monotonic() >= self._next_s

    def work(self, limit_s: float = _AT_ONCE_S) -> None:
        """Read on for a moment, or until all has been read."""
        deadline, began_s = time.monotonic() + limit_s, time.thread_time()
        while self._waiting and time.monotonic() < deadline:
            reading = self._waiting[0]
            is_cut = reading.image.is_ended or self._left_s <= 0
            piece = None if is_cut else next(reading.pieces, None)
            if piece is not None:
                self._take(reading.image, piece)
                continue
            self._waiting.popleft()
            if is_cut:
                self._unread[reading.image.process] = 1
        self._left_s -= time.thread_time() - began_s
        self._next_s = time.monotonic() + _REST_S

    def finish(self) -> Losses:
        """Read what is left, as far as there is time; gives the processes that were not read to the end."""
        self.work(_AT_END_S)
        self._unread |= {reading.image.process: 1 for reading in self._waiting}
        self._waiting.clear()
        return {(process, "function", _UNREAD): count for process, count in self._unread.items()}

    def _take(self, image: Image, piece: Piece) -> None:
        for text in piece.problems:
            _logger.info("functions that ran in process %d: %s", image.pid, text)
        for one in piece.functions:
            if not one.has_run:
                continue
            named = (one.file, one.qualified_name, one.first_line)
            code = self._resolver.add_function(image.code, (one.code_address, _NO_GENERATION), named)
            self._ownership.see_file(image.root, one.file, image.working_directory)
            self._store.add_call(CallRow(None, image.process, 0, code, None))
