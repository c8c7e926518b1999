"""Who answers for an act beneath Python. The rules about owners of native stacks are here."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace

from pyxhon.join.frameless import Frameless, Sighting
from pyxhon.join.inherited import Inherited
from pyxhon.join.mixed import APPENDED, mix
from pyxhon.join.model import STANDARD_LIBRARY, UNKNOWN, Beneath, Frame, Maker, NativeFrame, Owner
from pyxhon.join.native import MADE_CODE, SYSTEM_ROLES
from pyxhon.join.owners import Attribution
from pyxhon.join.places import Places
from pyxhon.join.provenance import Provenance
from pyxhon.join.stacks import EMPTY_VIEW
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow

_MAX_STEPS = 16  # from one maker to the next
_PROTECTIONS = frozenset({"mprotect", "pkey_mprotect"})
_CHANGED = "the protection of its code was changed before: other code may have been written over it"
_DESCRIPTORS = ("fd", "sockfd", "socket")
_MADE_TO_ACT = frozenset({"thread", "process", "ring", "writer"})
_RUNNING = frozenset({"handler", "thread", "process"})
_MAX_STACKS = 50_000
_UNSIGNED = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers, and who made what it was done with."""

    by: Attribution
    made_by: Maker | None = None


class Answerable:
    """Finds owners by the mixed stack, and where that says nothing, by who made the thread, the process or the code."""

    def __init__(
        self, trace: TraceReader, places: Places, frameless: Frameless, look: Callable[[EventRow], Sighting | None]
    ) -> None:
        self._trace = trace
        self._places = places
        self._frameless = frameless
        self._look = look
        self.provenance = Provenance(trace)
        self.inherited = Inherited(trace, self.provenance)
        self._changes: dict[tuple[int, str], EventRow] = {}  # (process, DLL) → what made its code writable first
        self._frames: dict[int, tuple[NativeFrame, ...]] = {}
        self._orders: dict[tuple[int | None, int | None], tuple[str, ...]] = {}

    def as_run(self, seen: Sighting) -> Sighting:
        """Give an event without the Python stack, where that is only what its maker left in a thread or child."""
        return replace(seen, view=EMPTY_VIEW) if self.inherited.is_inherited(seen) else seen

    def answer(self, seen: Sighting, steps: int = 0) -> Answer:
        """Give who answers for an act."""
        if steps > _MAX_STEPS:
            return Answer(_nobody())
        if seen.process.interpreter is None:
            return self._answer_for_program(seen, steps)
        python = self._python(seen)
        made: Maker | None = None
        owned: list[tuple[int, Owner]] = []
        for position in self._near(seen, python):
            owner, maker = self._owner_of(seen, position, steps)
            made = made or (maker if not owned else None)
            if owner is not None:
                owned.append((position, owner))
        if owned:
            made = made or self._circumstance(seen, steps)
            return Answer(_attribute(seen, python, [owner for _, owner in owned], made), made)
        if seen.view.frames and not seen.native.is_handler:
            return Answer(python, made or self._tool(seen, steps))
        made = self._circumstance(seen, steps)
        if made is not None and (made.kind in _RUNNING or not (seen.view.frames or seen.native.frames)):
            return Answer(Attribution(made.owner, made.location, made.chain or (made.owner.name,)), made)
        return Answer(python if seen.view.frames else _nobody(), made)

    def behind(self, seen: Sighting) -> Attribution | None:
        """Give the package of the DLL that calls the interpreter, or its extension module, for an act; None without."""
        extension = seen.native.extension
        if extension is not None and self.owner_of_file(seen, extension).origin != "stdlib":
            return None  # the DLL acts itself
        if not self._calls_python(seen):
            return None  # Python calls, and a DLL that CPython needs does the work
        by = self.answer(seen).by
        return None if by.owner == self._python(seen).owner else by

    def _calls_python(self, seen: Sighting) -> bool:
        """Tell whether a DLL that is not CPython's has called the interpreter or its extension module for this."""
        has_python = False
        for frame in seen.native.frames[: seen.native.reach]:
            is_python = frame.role == "interpreter" or (
                frame.role == "library" and self.owner_of_file(seen, frame.path or "").origin == "stdlib"
            )
            if has_python and frame.role not in SYSTEM_ROLES and not is_python:
                return True
            has_python |= is_python
        return False

    # --- what Python's frames say

    def _python(self, seen: Sighting) -> Attribution:
        view = seen.view
        if view.is_path_file or (view.is_extension_init and not seen.native.frames):
            found = self._frameless.attribute(seen)
            if found is not None:
                return found
        if view.is_extension_init or (view.is_import and view.actor.owner == STANDARD_LIBRARY):
            return view.importer
        return view.actor

    # --- what native frames say

    def _near(self, seen: Sighting, python: Attribution) -> list[int]:
        """Give the foreign native frames that are nearer to the act than the Python frame that answers."""
        native = seen.native
        if native.is_handler:
            return [position for position in native.foreign if position < native.reach]
        frames = seen.view.frames
        is_package = python.owner not in {STANDARD_LIBRARY, UNKNOWN}
        last = next((number for number, frame in enumerate(frames) if frame == python.location), 0) if is_package else 0
        foreign = set(native.foreign)
        near = []
        for step in self.order(seen):
            if step in {f"p{last}", APPENDED}:
                break
            if step.startswith("n") and int(step[1:]) in foreign:
                near.append(int(step[1:]))
        return near

    def _owner_of(self, seen: Sighting, position: int, steps: int) -> tuple[Owner | None, Maker | None]:
        """Give whose code a native frame runs; nobody's where it is the standard library's."""
        frame = seen.native.frames[position]
        path = frame.path or ""
        if frame.role in MADE_CODE:
            maker = self._maker_of_code(seen, frame.role or "", path.partition(":")[2], steps)
            return (maker.owner if maker else None), maker
        owner = self._places.owner(seen.process.root, path)
        return (None if owner == STANDARD_LIBRARY or owner.origin == "stdlib" else owner), None

    def answer_for_writer(self, seen: Sighting, attempt: EventRow | None) -> Answer | None:
        """Give who wrote over a probe: whoever last made it possible."""
        made = self._make(attempt, ("writer", str(seen.event.arguments.get("address", ""))), 0)
        if made is None:
            return None
        return Answer(Attribution(made.owner, made.location, made.chain or (made.owner.name,)), made)

    def owner_of_file(self, seen: Sighting, path: str) -> Owner:
        """Give whose a DLL is."""
        return self._places.owner(seen.process.root, path)

    # --- where no Python frame is

    def _circumstance(self, seen: Sighting, steps: int) -> Maker | None:
        """Give who made the handler, thread or process that runs without Python, else what it is done through."""
        event, process = seen.event, seen.process
        made: Maker | None = None
        if seen.native.is_handler:
            made = self._handler(seen)
        elif not seen.view.frames:
            if event.tid != process.pid:
                creator = self.provenance.creator_of_thread(process, event.tid, event.first_ns)
                made = self._make(creator, ("thread", str(event.tid)), steps)
            if made is None and process.origin == "fork":
                creator = self.provenance.creator_of_process(process)
                made = self._make(creator, ("process", str(process.pid)), steps)
        return made or self._tool(seen, steps)

    def _handler(self, seen: Sighting) -> Maker | None:
        """Give the DLL in which the signal handler lies that runs, where the stack does not show it."""
        ran = self.provenance.handler(seen.process, seen.event.tid, seen.event.first_ns)
        found = next((row for row in self._trace.native_objects() if ran and row.id == ran.object), None)
        if ran is None or found is None or found.role not in {"library", "unknown"}:
            return None
        owner = self._places.owner(seen.process.root, found.path)
        location = seen.view.actor.location or next(iter(seen.view.frames), None)
        return Maker("handler", str(ran.number), owner, found.path, location)

    def _answer_for_program(self, seen: Sighting, steps: int) -> Answer:
        """Give who executed a program that is not Python: it answers for all that the program does."""
        creator = self.provenance.creator_of_process(seen.process)
        kind = "program" if seen.process.origin != "fork" else "process"
        made = self._make(creator, (kind, str(seen.process.pid)), steps)
        if made is None or made.owner == UNKNOWN:
            name = posixpath.basename(seen.process.executable or "")
            owner = Owner(name, None, "dll") if name else UNKNOWN
            return Answer(Attribution(owner, None, (owner.name,)), made)
        return Answer(Attribution(made.owner, made.location, made.chain or (made.owner.name,)), made)

    # --- who made it

    def _tool(self, seen: Sighting, steps: int) -> Maker | None:
        """Give who made what an act was done through: a ring, or a descriptor that came from elsewhere."""
        arguments = seen.event.arguments if isinstance(seen.event.arguments, dict) else {}
        if seen.event.kind == "io_uring" and "ring" in arguments:
            return self._maker(seen, "ring", str(arguments["ring"]), steps)
        number = next((arguments[name] for name in _DESCRIPTORS if isinstance(arguments.get(name), int)), None)
        return None if number is None else self._maker(seen, "descriptor", str(number), steps)

    def _maker(self, seen: Sighting, kind: str, subject: str, steps: int) -> Maker | None:
        event = self.provenance.maker(seen.process, kind, subject, seen.event.first_ns)
        return self._make(event, (kind, subject), steps)

    def _maker_of_code(self, seen: Sighting, role: str, name: str, steps: int) -> Maker | None:
        process, time_ns = seen.process, seen.event.first_ns
        if role == "memfd":
            return self._make(self.provenance.maker_of_memfd(process, name, time_ns), ("memfd", name), steps)
        try:
            address = int(name, 16)
        except ValueError:
            return None
        return self._make(self.provenance.maker_of_code(process, address, time_ns), ("anonymous", name), steps)

    def _make(self, event: EventRow | None, made: tuple[str, str], steps: int) -> Maker | None:
        seen = self._look(event) if event is not None else None
        if seen is None:
            return None
        answer = self.answer(self.as_run(seen), steps + 1)
        return Maker(*made, answer.by.owner, _responsible(seen, answer.made_by), answer.by.location, answer.by.chain)

    def note_change(self, seen: Sighting) -> None:
        """Take up that the protection of a DLL's code was changed, not by the loader: other code may be there now."""
        arguments = seen.event.arguments if isinstance(seen.event.arguments, dict) else {}
        path = arguments.get("path")
        if seen.event.name in _PROTECTIONS and isinstance(path, str) and not seen.native.is_loader:
            self._changes.setdefault((seen.process.id, path), seen.event)

    def _find_change(self, seen: Sighting) -> EventRow | None:
        found = self._changes.get((seen.process.id, seen.native.object or ""))
        return found if found is not None and found.first_ns < seen.event.first_ns else None

    # --- for the report

    def order(self, seen: Sighting) -> tuple[str, ...]:
        """Give the mixed stack of an event."""
        key = (seen.event.native_stack, seen.event.python_stack if seen.view.frames else None)
        found = self._orders.get(key)
        if found is None:
            rows = self._trace.stack(key[1]) if key[1] is not None else ()
            if len(self._orders) >= _MAX_STACKS:
                self._orders.clear()
            found = self._orders[key] = mix(seen.native.frames, rows)
        return found

    def beneath(self, seen: Sighting, made_by: Maker | None) -> Beneath:
        """Give what the report tells of an act beneath Python."""
        native = seen.native
        if not native.frames:  # a ring's own thread acts
            return Beneath(object=_responsible(seen, made_by), made_by=made_by)
        number = seen.event.native_stack or 0
        frames = self._frames.get(number)
        if frames is None:
            if len(self._frames) >= _MAX_STACKS:
                self._frames.clear()
            frames = tuple(NativeFrame(row.path, row.symbol, row.offset & _UNSIGNED) for row in native.frames)
            self._frames[number] = frames
        change = self._find_change(seen)
        if change is not None:
            made_by = made_by or self._make(change, ("anonymous", native.object or ""), 0)
        confidence, doubt = ("suspect", _CHANGED) if change is not None else (native.confidence, native.doubt)
        return Beneath(_responsible(seen, made_by), frames, self.order(seen), confidence, doubt, made_by)


def _responsible(seen: Sighting, made_by: Maker | None) -> str | None:
    """Give the DLL on the stack; where none is there, the one that made the thread, process or ring that acts."""
    is_made = made_by is not None and made_by.kind in _MADE_TO_ACT
    return seen.native.object or (made_by.object if made_by is not None and is_made else None)


def _nobody() -> Attribution:
    return Attribution(UNKNOWN, None, (UNKNOWN.name,))


def _attribute(seen: Sighting, python: Attribution, owners: list[Owner], made: Maker | None) -> Attribution:
    """Give the owner of the innermost DLL, at the Python line that led there."""
    is_beneath = bool(seen.view.frames) and not seen.native.is_handler
    chain = list(python.chain) if is_beneath and python.owner not in {STANDARD_LIBRARY, UNKNOWN} else []
    if not is_beneath and made is not None:
        chain = list(made.chain)
    for owner in reversed(owners):
        if not chain or chain[-1] != owner.name:
            chain.append(owner.name)
    location: Frame | None = None
    if seen.view.frames:
        location = python.location or seen.view.frames[0]
    elif made is not None:
        location = made.location
    return Attribution(owners[0], location, tuple(chain))
