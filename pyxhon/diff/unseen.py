"""What a side did not see: signals that were off or not to be had, and what was lost of them."""

from collections.abc import Iterable
from typing import Final, Literal

from pyxhon.diff.model import SideName, Unseen
from pyxhon.report.model import Coverage, Report

SIGNALS: Final = ("audit", "imports", "calls", "syscalls", "native")
ANY: Final = "any"
"""The signal of a loss that may be of any."""
_COUNTERS: Final = {
    "audit": "audit",
    "import": "imports",
    "call": "calls",
    "syscall": "syscalls",
    "io_uring": "syscalls",
    "dll_load": "native",
}
"""Signals of `counters` by those of `coverage`."""
_OF_KIND: Final = {
    "audit": ("audit",),
    "import": ("imports", "audit"),
    "call": ("calls",),
    "function": ("calls",),
    "sequence": ("audit", "imports", "syscalls", "native"),
    "dll-load": ("native", "syscalls"),
    "dll": ("native", "syscalls"),
    "syscall": ("syscalls",),
    "memory": ("syscalls",),
    "io_uring": ("syscalls",),
    "tamper": ("syscalls",),
    "ability": ("audit", "imports", "calls", "native"),
    "package": ("audit", "imports"),
}
_HARMLESS: Final = ("code_", "functions_", "instructions_", "earlier_functions")
_LOST_OF_ACTS: Final = frozenset(
    {
        "python_stack_truncated",
        "stack_truncated",
        "native_stack_truncated",
        "line_unknown",
        "opcode_unresolved",
        "expressions_left_out",
        "entry_site_unmatched",
        "function_frame_unreadable",
        "instruction_frame_unreadable",
    }
)
"""Losses after which the act itself is in the report all the same."""


State = Literal["off", "unavailable"] | None


def find_unseen(report: Report, side: SideName, not_compared: Iterable[str]) -> list[Unseen]:
    """List what a side did not see; `not_compared` are signals left out because one side has none."""
    skipped = frozenset(not_compared)
    coverages = [row.coverage for row in report.processes if row.interpreter is not None]
    found = [each for signal in SIGNALS for each in _find_off(coverages, side, signal, signal not in skipped)]
    found += _find_lost(report, side)
    return found


def has_signal(report: Report, signal: str) -> bool:
    """Tell whether any interpreter of a report had this signal."""
    return any(_state(getattr(row.coverage, signal)) is None for row in report.processes if row.interpreter is not None)


def find_doubts(kind: str, unseen: Iterable[Unseen], side: SideName) -> list[str]:
    """Give the signals that show this kind of thing and that this side did not see whole."""
    signals = (*_OF_KIND.get(kind, SIGNALS), ANY)
    return sorted({row.signal for row in unseen if row.side == side and row.signal in signals})


def _find_off(coverages: list[Coverage], side: SideName, signal: str, is_compared: bool) -> Iterable[Unseen]:  # noqa: FBT001 - a column
    words = [getattr(row, signal) for row in coverages]
    states = {_state(word) for word in words}
    if states <= {None}:
        return
    missing = next(word for word in words if _state(word) is not None)
    state: Literal["off", "unavailable", "partial"] = "partial" if None in states else (_state(missing) or "off")
    why = missing.partition(": ")[2] if state == "unavailable" else missing
    yield Unseen(side, signal, state, why, is_compared)


def _state(word: str) -> State:
    if word == "off" or word.startswith("off "):
        return "off"
    return "unavailable" if word.startswith("unavailable") else None


def _find_lost(report: Report, side: SideName) -> Iterable[Unseen]:
    told = 0
    for counter in report.counters:
        signal = _COUNTERS.get(counter.signal)
        if signal is not None and counter.lost > 0:
            told += counter.lost
            why = f"{counter.lost} of {counter.seen} {counter.signal} events"
            yield Unseen(side, signal, "lost", why, is_compared=True)
    reasons = {
        reason: count
        for reason, count in report.losses.items()
        if reason not in _LOST_OF_ACTS and not reason.startswith(_HARMLESS)
    }
    if reasons and not (told and set(reasons) <= {"ring_full", "unaccounted"}):
        why = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        yield Unseen(side, ANY, "lost", why, is_compared=True)
