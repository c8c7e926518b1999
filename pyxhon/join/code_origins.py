"""Where code objects come from: who ran, made or holds them, step by step back to a file."""

from dataclasses import dataclass
from typing import Any, Final

from pyxhon.code_events import MAKERS, NEW_CODE
from pyxhon.join.model import Frame
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import CodeRow, EventRow, FrameRow

_NOT_RUN: Final = frozenset({"marshal.dumps"})  # given a code object, but not to run it
_IMPORT_SYSTEM: Final = ("<frozen importlib", "<frozen zipimport>", "<frozen runpy>")
_IMPORT_FILES: Final = ("/importlib/_bootstrap.py", "/importlib/_bootstrap_external.py", "/runpy.py", "/zipimport.py")
_MOST_STEPS: Final = 32
_DETAIL_LIMIT: Final = 160


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `by` is an audit event's name, "opened" or "constant of"; `detail` what it was given."""

    by: str
    location: Frame | None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """How a code object came to be, the last step first; `is_loaded`: the import system made it from a file."""

    steps: tuple[Step, ...]
    is_loaded: bool


class Origins:
    """Finds the origins of captured code objects."""

    def __init__(self, reader: TraceReader) -> None:
        self._reader = reader
        self.codes: dict[int, CodeRow] = reader.captured_codes()
        self._given: dict[int, int] = {}
        self._made: dict[int, int] = {}
        self._told: dict[int, list[int]] = {}
        self._parents: dict[int, int] = {}
        for row in reader.code_origins():
            if row.event is not None:
                self._told.setdefault(row.code, []).append(reader.first_of(row.event))
            elif row.parent is not None:
                self._parents.setdefault(row.code, row.parent)
        self._events: dict[int, EventRow] = {}
        self._makers: dict[tuple[int, int, int | None], list[EventRow]] = {}  # by process, thread, innermost code
        self._opens: dict[tuple[int, int, int | None], list[EventRow]] = {}
        self._read_events()
        self._in_stacks = reader.codes_in_stacks()

    def _read_events(self) -> None:
        wanted = {event for told in self._told.values() for event in told}
        for event in self._reader.acts():
            if event.kind != "audit":
                continue
            if event.id in wanted and event.name not in _NOT_RUN:
                self._events[event.id] = event
            if event.name in MAKERS or event.name == "open":
                frames = self._frames(event)
                kept = self._makers if event.name in MAKERS else self._opens
                if frames:
                    kept.setdefault((event.process, event.tid, frames[0].code), []).append(event)
        for code, told in self._told.items():
            for event in (self._events[one] for one in told if one in self._events):
                (self._made if event.name in MAKERS else self._given).setdefault(code, event.id)

    def _frames(self, event: EventRow) -> tuple[FrameRow, ...]:
        return () if event.python_stack is None else self._reader.stack(event.python_stack)

    def find(self, code: int) -> Origin:
        """Tell where a code object comes from."""
        steps: list[Step] = []
        seen: set[int] = set()
        current: int | None = code
        while current is not None and current not in seen and len(steps) < _MOST_STEPS:
            seen.add(current)
            given, made = self._told_of(current)
            last = made or given
            if last is not None:
                steps += self._steps_of(given, made)
                frames = self._frames(last)
                if is_import_system(frames):
                    return Origin(tuple(steps), is_loaded=len(steps) == 1)
                current = frames[0].code if frames else None
                continue
            parent = self._parents.get(current)
            row = self.codes.get(parent or 0)
            if row is not None and not self._is_loaded(parent):
                steps.append(Step("constant of", Frame(row.file, row.first_line, row.qualified_name)))
            current = parent
        is_loaded = all(step.by == "constant of" for step in steps)
        return Origin(tuple(steps), is_loaded)

    def has_run(self, code: int) -> bool:
        """Tell whether a code object was seen to run: in a stack, or given to `exec`; others may have, unseen."""
        given = self._events.get(self._given.get(code, 0))
        return code in self._in_stacks or (given is not None and given.name == "exec")

    def _told_of(self, code: int | None) -> tuple[EventRow | None, EventRow | None]:
        """Give the acts that were given a code object, and that made it, as far as they were seen."""
        number = code or 0
        return self._events.get(self._given.get(number, 0)), self._events.get(self._made.get(number, 0))

    def _is_loaded(self, code: int | None) -> bool:
        given, made = self._told_of(code)
        last = made or given
        return last is not None and is_import_system(self._frames(last))

    def _steps_of(self, given: EventRow | None, made: EventRow | None) -> list[Step]:
        """Give who was given the code object, what made it, and the file that was opened there last."""
        steps = [] if given is None else [self._step(given)]
        if made is None and given is not None and steps[0].by != "import":
            made = self._last_before(self._earlier(self._makers, given))
        if made is not None:
            step = self._step(made, _detail(made.arguments))
            steps += [] if steps and steps[0].by == step.by == "import" else [step]
        last = made or given
        if last is not None and steps[-1].by != "import":
            steps += [
                self._step(one, _detail(one.arguments), "opened") for one in self._earlier(self._opens, last)[-1:]
            ]
        return steps

    def _step(self, event: EventRow, detail: str | None = None, by: str | None = None) -> Step:
        frames = self._frames(event)
        if is_import_system(frames):
            return Step("import", _place(_importing(frames)))
        return Step(by or event.name, _place(frames[0] if frames else None), detail)

    def _earlier(self, kept: dict[tuple[int, int, int | None], list[EventRow]], event: EventRow) -> list[EventRow]:
        """Give what happened before an event in the same function and thread."""
        frames = self._frames(event)
        found = kept.get((event.process, event.tid, frames[0].code), ()) if frames else ()
        return [one for one in found if one.id < event.id]

    def _last_before(self, events: list[EventRow]) -> EventRow | None:
        """Give the last event; up to 3.10 marshal makes code objects by what raises an event of its own."""
        last = events[-1] if events else None
        if last is None or last.name != NEW_CODE:
            return last
        place = self._frames(last)[0].instruction
        others = [one for one in events if one.name != NEW_CODE and self._frames(one)[0].instruction == place]
        return others[-1] if others else last


def is_import_system(frames: tuple[FrameRow, ...]) -> bool:
    """Tell whether code was given to be run by what runs modules."""
    file = (frames[0].file or "") if frames else ""
    return file.startswith(_IMPORT_SYSTEM) or file.endswith(_IMPORT_FILES)


def _importing(frames: tuple[FrameRow, ...]) -> FrameRow | None:
    return next((row for row in frames if not is_import_system((row,))), None)


def _place(row: FrameRow | None) -> Frame | None:
    return None if row is None else Frame(row.file, row.line, row.function)


def _detail(arguments: Any) -> str | None:
    """Put what a maker was given into words: its first argument that is text or bytes."""
    for value in arguments if isinstance(arguments, list) else ():
        if isinstance(value, str):
            return value[:_DETAIL_LIMIT]
        if isinstance(value, dict) and isinstance(value.get("bytes"), str):
            size = f" … ({value['length']} bytes)" if isinstance(value.get("length"), int) else ""
            return f"b'{value['bytes'][:_DETAIL_LIMIT]}'{size}"
    return None
