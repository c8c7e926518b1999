"""The conservation law, signal by signal: what was seen was stored, repeated or lost."""

from pyxhon.events import Counter, Signal
from pyxhon.losses import Losses
from pyxhon.recorder import Recorder


def balance_signals(
    counters: dict[tuple[Signal, Counter], int], recorder: Recorder, lost_acts: Losses
) -> list[tuple[str, int, int, int, int]]:
    """Give seen, stored, repeated and lost of each signal that makes events."""
    repeated = recorder.acts.repeated()
    rows = []
    for kind in (Signal.AUDIT, Signal.IMPORT, Signal.DLL_LOAD, Signal.CALL, Signal.SYSCALL, Signal.IO_URING):
        name = kind.name.lower()
        lost = counters.get((kind, Counter.LOST), 0)
        lost += sum(count for (_, other, _), count in lost_acts.items() if other == name)
        stored = recorder.totals.stored.get(kind, 0)
        seen = counters.get((kind, Counter.SEEN), 0) - (recorder.totals.unwanted if kind is Signal.CALL else 0)
        rows.append((name, seen, stored, repeated.get(kind, 0), lost))
    return rows
