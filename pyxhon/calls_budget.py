"""--calls-budget: arms the probes at entries of functions in windows of time, as the extra time that they cost allows.

What they cost is how often they ran, times the price of the trap, which was measured, and the time that the program
took, which the kernel counts. What the target has done is its processor time without that.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from pyxhon.entry_probing import EntryProbing
from pyxhon.errors import KernelError
from pyxhon.recorder import Recorder
from pyxhon.session_options import TraceOptions
from pyxhon.trap_price import processor_time_ns

_SHORTEST_S, _LONGEST_S = 0.02, 0.06  # between two looks: the length of a window whose cost is above the budget
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.5
_JITTER: Final = (0.9, 1.3)
_SLOWEST: Final = 1e-3  # of a processor: how little a target is taken to do
_NS: Final = 1e9
# What no statistic counts makes it dearer: caches that the target must fill anew after each trap, and pages of code
# that are written when probes come and go. Measured on four programs: 17 to 21 %.
_HIDDEN_COST: Final = 1.18
_QUICKEST_NS: Final = 25  # between two entries: 40 million in a second
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What was since the clock was read last, in ns; `took_ns` is at most as much as passed, for each process."""

    passed_ns: float
    took_ns: float  # processor time of the target
    extra_ns: float = 0  # of it, what the probes cost
    entries: int = 0


@dataclass(slots=True)
class Ledger:
    """What the target has done itself, and what its probes have cost; all in ns.

    What it has done while it was observed is a small difference of large numbers where functions are short: it is
    taken for no less than the entries that were counted must have taken.
    """

    share: float  # of its own time that the cost may be
    own_ns: float = 0
    extra_ns: float = 0
    observed_ns: float = 0  # of own_ns, in windows without their edges, where probes come and go
    observed_entries: int = 0
    entries: int = 0  # those at the edges, too
    windows: int = 0

    def book(self, progress: Progress, *, is_observed: bool) -> None:
        """Book what was."""
        extra_ns = min(progress.extra_ns * _HIDDEN_COST, progress.took_ns)
        self.own_ns += progress.took_ns - extra_ns
        self.extra_ns += extra_ns
        self.entries += progress.entries
        if is_observed:
            self.observed_entries += progress.entries
            own_ns = max(progress.took_ns - progress.extra_ns, progress.entries * _QUICKEST_NS)
            self.observed_ns += min(own_ns, progress.took_ns)

    @property
    def debt_ns(self) -> float:
        """By how much the cost is above what it may be."""
        return self.extra_ns - self.share * self.own_ns

    def wait_s(self, progress: Progress) -> float:
        """Give how long the debt takes to be paid while the target goes on as it did, with no probes."""
        pace = max(progress.took_ns / max(progress.passed_ns, 1), _SLOWEST)
        return max(0.0, self.debt_ns) / self.share / pace / _NS

    def describe(self) -> dict[str, float | int] | None:
        """Give what the trace says of it; None where all was observed."""
        if not self.windows:
            return None
        observed_ns = self.observed_ns * max(self.entries, 1) / max(self.observed_entries, 1)
        observed, total = round(observed_ns), round(max(self.own_ns, observed_ns, 1))
        return {"share": observed / total, "windows": self.windows, "observed_ns": observed, "total_ns": total}


class Clock:
    """How far the target and the probes have come since it was read last."""

    def __init__(self, read_pids: Callable[[], Iterable[int]], read_cost: Callable[[], tuple[float, int]]) -> None:
        self._read_pids = read_pids
        self._read_cost = read_cost
        self._known: dict[int, int] = {}
        self._cost_ns, self._entries = read_cost()
        self._time_ns = time.monotonic_ns()

    def read(self) -> Progress:
        """Read it."""
        known = {pid: processor_time_ns(pid) for pid in self._read_pids()}
        now_ns, (cost_ns, entries) = time.monotonic_ns(), self._read_cost()
        passed_ns = now_ns - self._time_ns
        took_ns = 0
        for pid, took in known.items():
            if took is not None:
                took_ns += min(took - self._known.get(pid, took), passed_ns)
                self._known[pid] = took
        progress = Progress(passed_ns, took_ns, cost_ns - self._cost_ns, entries - self._entries)
        self._time_ns, self._cost_ns, self._entries = now_ns, cost_ns, entries
        return progress


class CallWindows:
    """A thread that arms and disarms the probes of a run while it lasts."""

    def __init__(self, entries: EntryProbing, percent: float, read_pids: Callable[[], Iterable[int]]) -> None:
        self.ledger = Ledger(percent / 100)
        self._entries = entries
        self._clock = Clock(read_pids, self._read_cost)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._random = random.Random()  # noqa: S311 - only no rhythm is wanted

    def __enter__(self) -> "CallWindows":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; the probes stay as they are."""
        self._is_over.set()
        self._thread.join()

    def _read_cost(self) -> tuple[float, int]:
        if self._entries.probes is None:
            return 0.0, 0
        program_ns, count = self._entries.probes.run_stats()
        return program_ns + count * self._entries.trap_ns, count

    def _book(self, *, is_observed: bool) -> Progress:
        """Book what was since the last time."""
        progress = self._clock.read()
        self.ledger.book(progress, is_observed=is_observed)
        return progress

    def _work(self) -> None:
        wait_s = self._look_s()
        try:
            while not self._is_over.wait(wait_s):
                wait_s = self._step()
            self._book(is_observed=self._entries.is_armed)
        except (KernelError, OSError) as error:
            _logger.warning("calls are no more counted: %s", error)

    def _look_s(self) -> float:
        return self._random.uniform(_SHORTEST_S, _LONGEST_S)

    def _step(self) -> float:
        """Do what the ledger allows; gives how long that may stay so."""
        probes = self._entries.probes
        progress = self._book(is_observed=self._entries.is_armed)
        if probes is None:
            return _LONGEST_S
        if probes.is_armed and self.ledger.debt_ns > 0:
            probes.disarm()
            self.ledger.windows += 1
            progress = self._book(is_observed=False)
        elif not probes.is_armed and self.ledger.debt_ns <= 0:
            probes.arm()
            self._book(is_observed=False)
        if probes.is_armed:
            return self._look_s()
        wait_s = self.ledger.wait_s(progress) * self._random.uniform(*_JITTER)
        return min(max(wait_s, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)


@contextlib.contextmanager
def counting_in_windows(entries: EntryProbing, options: TraceOptions, recorder: Recorder) -> Iterator[None]:
    """Count calls in windows while the block lasts, where there is a budget; the trace says of which share they are."""
    if options.calls_budget is None:
        yield
        return
    windows = CallWindows(
        entries, options.calls_budget, lambda: [image.pid for image in list(recorder.live.values()) if image.process]
    )
    with windows:
        yield
    observed = windows.ledger.describe()
    if observed is not None:
        recorder.store.set_meta(calls_observed=observed)
