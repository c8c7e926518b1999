"""One act while it is counted: the mutable side of a behaviour."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pyxhon.join.arguments import canonical
from pyxhon.join.frameless import Sighting
from pyxhon.join.model import NOTHING_BENEATH, Behaviour, Beneath, Frame, Owner, identify
from pyxhon.join.owners import Attribution
from pyxhon.trace.rows import EventRow

_SIGNALS_OF_PYTHON = frozenset({"audit", "import", "call", "dll-load"})


@dataclass(slots=True)
class Act:
    """What becomes a Behaviour; counts grow with each event that is the same act."""

    owner: Owner
    location: Frame | None
    chain: tuple[str, ...]
    frames: tuple[Frame, ...]
    kind: str
    name: str
    result: object
    process: int
    pid: int
    tid: int
    event: int
    first_ns: int
    last_ns: int
    level: str = "python"
    category: str | None = None
    arguments: dict[str, object] = field(default_factory=dict)
    count: int = 0
    failed: int = 0
    is_truncated: bool = False
    is_of_extension: bool = False  # a call of a function that is not the interpreter's own
    signals: tuple[str, ...] = ()  # in order
    beneath: Beneath = NOTHING_BENEATH
    module: str | None = None  # of a call's Python function
    calls: dict[str, dict[str, object] | None] | None = None  # by their arguments as text; None: there are none
    outcomes: dict[str, tuple[int, int]] | None = None  # by system call: how many, how many failed; None: none

    @classmethod
    def begin(cls, seen: Sighting, by: Attribution) -> "Act":
        """Begin an act with its first event; nothing is counted yet."""
        event = seen.event
        return cls(
            owner=by.owner,
            location=by.location,
            chain=by.chain,
            frames=seen.view.frames,
            kind=event.kind,
            name=event.name,
            result=event.result,
            process=seen.process.id,
            pid=seen.process.pid,
            tid=event.tid,
            event=event.id,
            first_ns=event.first_ns,
            last_ns=event.last_ns,
        )

    def note(self, event: EventRow) -> None:
        """Take up when and by which signal an event saw the act."""
        if event.first_ns < self.first_ns:
            self.first_ns, self.tid, self.event = event.first_ns, event.tid, event.id
        self.last_ns = max(self.last_ns, event.last_ns)
        self.is_truncated = self.is_truncated or bool(event.is_truncated)
        self.see(event.kind)

    def see(self, signal: str) -> None:
        """Take up that a signal saw the act."""
        if signal not in self.signals:
            self.signals = _with(self.signals, signal)

    def note_call(self, arguments: dict[str, object] | None) -> None:
        """Take up the arguments of a probed call that is part of the act; None: some were cut."""
        if self.calls is None:
            self.calls = {}
        self.calls[canonical(arguments or {})] = arguments

    def join(self, event: EventRow, beneath: Beneath) -> None:
        """Take up an event that another signal saw of the same act: what only that one knows."""
        self.join_work(event, beneath)
        if self.outcomes is None:
            self.outcomes = {}
        count, failed = self.outcomes.get(event.name, (0, 0))
        self.outcomes[event.name] = (count + event.count, failed + event.failed)
        if self.result is None:
            self.result = event.result

    def join_work(self, event: EventRow, beneath: Beneath) -> None:
        """Take up an event of the work that the act makes, which may fail where the act does not, as a search does."""
        self.see(event.kind)
        if not self.beneath.frames:
            self.beneath = beneath

    def count_failed(self) -> int:
        """Tell how many of `count` certainly failed.

        The calls that an act is explained by may be more than it: tried again, or of another act with the same
        arguments. Those that succeeded may then all be its own.
        """
        told = (failed - max(count - self.count, 0) for count, failed in (self.outcomes or {}).values())
        return min(max(self.failed, *told, 0), self.count)


@lru_cache(maxsize=256)
def _with(signals: tuple[str, ...], signal: str) -> tuple[str, ...]:
    return tuple(sorted({*signals, signal}))


_ActKey = tuple[int, Owner, str, str, str, Frame | None, str, str | None]


class Acts:
    """The acts of a batch: the same act at the same place by the same owner is one."""

    def __init__(self) -> None:
        self._acts: dict[_ActKey, Act] = {}

    def take(self) -> Iterator[Act]:
        """Give each act once, in order, and let go of it: there may be a million."""
        acts = list(self._acts.values())
        self._acts.clear()
        acts.reverse()
        while acts:
            yield acts.pop()

    def count(
        self, seen: Sighting, by: Attribution, arguments: dict[str, object], level: str, below: Beneath | None = None
    ) -> Act:
        """Count an event into its act."""
        event, beneath = seen.event, below or NOTHING_BENEATH
        key = (
            seen.process.id, by.owner, event.kind, event.name, canonical(arguments), by.location, level, beneath.object
        )  # fmt: skip
        act = self._acts.get(key)
        if act is None:
            act = self._acts[key] = Act.begin(seen, by)
            act.arguments, act.level, act.beneath = arguments, level, beneath
        act.count += event.count
        act.failed += event.failed
        act.note(event)
        return act


def _tell_apart(act: Act) -> tuple[str, ...]:
    """Give what else than kind and name makes an act beneath Python another one, and does not differ between runs."""
    if act.kind in _SIGNALS_OF_PYTHON:
        return ()
    name = act.beneath.object or ""
    return act.level, name if name.startswith("memfd:") else posixpath.basename(name).partition(":")[0]


def freeze(act: Act, category: str | None, module: str | None = None) -> Behaviour:
    """Give the finished behaviour."""
    text = canonical(act.arguments)
    return Behaviour(
        id=identify(act.owner, category, (act.kind, act.name, *_tell_apart(act)), text, act.location),
        owner=act.owner,
        category=category,
        level=act.level,
        kind=act.kind,
        name=act.name,
        arguments=act.arguments,
        is_truncated=act.is_truncated,
        result=act.result,
        count=act.count,
        failed=act.count_failed(),
        first_ns=act.first_ns,
        last_ns=act.last_ns,
        process=act.process,
        pid=act.pid,
        tid=act.tid,
        location=act.location,
        python_stack=act.frames,
        signals=act.signals,
        module=module,
        is_transitive=False,
        event=act.event,
        chain=act.chain,
        beneath=act.beneath,
        calls=tuple(act.calls.values()) if act.calls else (),
    )
