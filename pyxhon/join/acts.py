"""One act while it is counted: the mutable side of a behaviour."""

from dataclasses import dataclass, field

from pyxhon.join.arguments import canonical
from pyxhon.join.frameless import Sighting
from pyxhon.join.model import Behaviour, Frame, Owner, identify
from pyxhon.join.owners import Attribution
from pyxhon.trace.rows import EventRow


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
    arguments: dict[str, object] = field(default_factory=dict)
    count: int = 0
    failed: int = 0
    is_truncated: bool = False
    is_of_extension: bool = False  # a call of a function that is not the interpreter's own
    signals: set[str] = field(default_factory=set)

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
        self.signals.add(event.kind)


def freeze(act: Act, category: str | None, module: str | None = None) -> Behaviour:
    """Give the finished behaviour."""
    text = canonical(act.arguments)
    return Behaviour(
        id=identify(act.owner, category, (act.kind, act.name), text, act.location),
        owner=act.owner,
        category=category,
        level=act.level,
        kind=act.kind,
        name=act.name,
        arguments=act.arguments,
        is_truncated=act.is_truncated,
        result=act.result,
        count=act.count,
        failed=act.failed,
        first_ns=act.first_ns,
        last_ns=act.last_ns,
        process=act.process,
        pid=act.pid,
        tid=act.tid,
        location=act.location,
        python_stack=act.frames,
        signals=tuple(sorted(act.signals)),
        module=module,
        is_transitive=False,
        event=act.event,
        chain=act.chain,
    )
