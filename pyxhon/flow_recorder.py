"""Writes each entry and exit of Python functions to the trace, with what the function took.

A frame belongs to one call at a time, so that an exit is of the last entry into its frame: coroutines and greenlets may
switch between stacks as they like, and what was lost leaves no later call with a wrong duration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pyxhon.bpf.function_records import FlowRun
from pyxhon.function_events import FlowKind
from pyxhon.losses import Losses
from pyxhon.process_images import Image
from pyxhon.trace.store import CallFlow, Store

_KINDS: Final = tuple(kind.name.lower() for kind in FlowKind)
_LAST_ENTRY: Final = FlowKind.RESUME
_UNKNOWN_PROCESS: Final = "unknown_process"
_UNDESCRIBED: Final = "ring_full"  # which is why a function was not described


@dataclass(slots=True)
class OpenCalls:
    """The calls of one process image that have not ended, by their frames: code object, generation, and since when."""

    calls: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def enter(self, frame: int, code: int, generation: int, time_ns: int) -> None:
        """Begin a call; one whose end was not seen is over."""
        self.calls[frame] = code, generation, time_ns

    def leave(self, frame: int, code: int, generation: int, time_ns: int) -> int | None:
        """End the call in a frame; gives how long it took, None where its entry was not seen."""
        call = self.calls.pop(frame, None)
        if call is None or call[0] != code or call[1] != generation:
            return None
        return time_ns - call[2]


class FlowRecorder:
    """Takes what probes tell of entries and exits; no more than `limit` of them are kept, where there is one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.limit: int | None = None
        self.stored = 0
        self._open: dict[int, OpenCalls] = {}
        self._lost: Losses = {}

    @property
    def is_full(self) -> bool:
        """Tell whether as many are stored as may be."""
        return self.limit is not None and self.stored >= self.limit

    def take(self, run: FlowRun, images: Mapping[int, Image]) -> None:
        """Take a run of them."""
        if self.is_full:
            return
        rows: list[CallFlow] = []
        number, image, functions, calls = -1, None, {}, OpenCalls()
        for time_ns, _, tid, of, code, caller, frame, generation, caller_generation, what in run.rows():
            if of != number:
                number, image = of, images.get(of)
                functions = image.code.functions if image is not None and image.process else {}
                calls = self._open.setdefault(of, OpenCalls())
            function = functions.get((code, generation))
            if image is None or function is None:
                self._lose(image)
            elif what <= _LAST_ENTRY:
                calls.enter(frame, code, generation, time_ns)
                below = functions.get((caller, caller_generation)) if caller else None
                rows.append((image.process, tid, time_ns, _KINDS[what], function, below, None))
            else:
                duration_ns = calls.leave(frame, code, generation, time_ns)
                rows.append((image.process, tid, time_ns, _KINDS[what], function, None, duration_ns))
        self._write(rows)

    def _write(self, rows: list[CallFlow]) -> None:
        if self.limit is not None:
            del rows[self.limit - self.stored :]
        self.stored += len(rows)
        self._store.add_call_flow(rows)

    def _lose(self, image: Image | None) -> None:
        is_known = image is not None and image.process
        place = (image.process if image and is_known else None, "function",
                 _UNDESCRIBED if is_known else _UNKNOWN_PROCESS)  # fmt: skip
        self._lost[place] = self._lost.get(place, 0) + 1

    def finish(self) -> None:
        """Write the counts that come of it."""
        if self.stored:
            self._store.count_call_flow()

    def losses(self) -> Losses:
        """Give how many could not be stored."""
        return dict(self._lost)
