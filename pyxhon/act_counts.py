"""The acts that are in the trace, and how often the kernel has counted each of them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.events import MAX_ACTS, Signal
from pyxhon.losses import Losses
from pyxhon.process_images import Image
from pyxhon.trace.store import Store

_MANY: Final = MAX_ACTS // 2
_KEPT_NS: Final = 60 * 10**9  # acts of programs that are run again and again, while there are many


@dataclass(slots=True)
class _Counted:
    """An act in the trace and what was last written of its count."""

    event: int
    image: int  # of the first
    count: int = 1
    failed: int = 0


def account_of(key: bytes) -> int:
    """Give what an act is counted under: an image, or what many runs of one program have in common."""
    return int.from_bytes(key[:8], "little")


def _signal_of(key: bytes) -> int:
    return int.from_bytes(key[40:44], "little")


class ActCounts:
    """Acts by their key, an encoded ActKey."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._acts: dict[bytes, _Counted] = {}
        self._shared: dict[int, int] = {}  # the first image of each account that is no image
        self._ended: set[int] = set()
        self._repeated: dict[int, int] = {}  # by signal: of acts that are forgotten

    def __contains__(self, key: bytes) -> bool:
        """Tell whether an act is in the trace already."""
        return key in self._acts

    def add(self, key: bytes, event: int, image: int) -> None:
        """Take an act whose first occurrence is an event of the trace."""
        self._acts[key] = _Counted(event, image)

    def add_image(self, image: Image) -> None:
        """Take a new image, for what may be lost of it."""
        if image.account not in (0, image.number):
            self._shared.setdefault(image.account, image.number)

    def end_image(self, image: Image) -> None:
        """Note that the counts of an image's own acts are final."""
        self._ended.add(image.number)

    def update(self, probes: Probes) -> None:
        """Write the kernel's counts; forget acts of ended images, and those long past where there are many."""
        changed, ended = [], self._ended
        self._ended = set()
        counts = list(probes.acts())
        eldest_ns = time.monotonic_ns() - _KEPT_NS if len(counts) > _MANY else 0
        for key, (count, failed, _, last_ns, *_) in counts:
            known = self._acts.get(key)
            if known is None:
                continue
            is_over = known.image in ended if account_of(key) == known.image else last_ns < eldest_ns
            if is_over:
                count, failed, last_ns = self._forget(key, probes) or (count, failed, last_ns)  # noqa: PLW2901
            if known.count != count or known.failed != failed:
                known.count, known.failed = count, failed
                changed.append((count, failed, last_ns, known.event))
        self._store.update_counts(changed)

    def _forget(self, key: bytes, probes: Probes) -> tuple[int, int, int] | None:
        """Remove an act, here and in the kernel; gives what it was counted last."""
        del self._acts[key]
        last = probes.forget_act(key)
        if last is None:
            return None
        count, failed, _, last_ns, *_ = last
        signal = _signal_of(key)
        self._repeated[signal] = self._repeated.get(signal, 0) + count - 1
        return count, failed, last_ns

    def lost(self, probes: Probes, processes: Mapping[int, int]) -> Losses:
        """Give how often acts happened that have no event: not sent, or of a process whose start was not sent.

        `processes` are the rows of images.
        """
        lost: Losses = {}
        for key, (count, *_) in probes.acts():
            if key not in self._acts:
                account = account_of(key)
                process = processes.get(self._shared.get(account, account))
                signal = Signal(_signal_of(key)).name.lower()
                place = (process, signal, "unknown_process" if process is None else "ring_full")
                lost[place] = lost.get(place, 0) + count
        return lost

    def repeated(self) -> dict[int, int]:
        """Give, by signal, how many occurrences were counted into the row of their first."""
        totals = dict(self._repeated)
        for key, known in self._acts.items():
            signal = _signal_of(key)
            totals[signal] = totals.get(signal, 0) + known.count - 1
        return totals
