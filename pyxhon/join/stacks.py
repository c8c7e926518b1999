"""Python stacks as the join sees them: who acts, who imports, and whether this is the import system at work.

Stacks repeat, so each is looked at once.
"""

from dataclasses import dataclass

from pyxhon.join.import_system import (
    Seen,
    find_beginning,
    find_extensions,
    find_importer,
    imports_for_itself,
    runs_extension,
)
from pyxhon.join.model import STANDARD_LIBRARY, Frame
from pyxhon.join.owners import Attribution, Surroundings, find_actor, find_importing_owner, is_path_file
from pyxhon.join.places import UNDECIDED, Place, Places, Role
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import FrameRow, ProcessRow

_MAX_VIEWS = 50_000
_MAX_LOOKS = 200_000
ImportKey = tuple[tuple[int | None, int], ...]


@dataclass(frozen=True, slots=True)
class StackView:
    """One Python stack with its owners."""

    frames: tuple[Frame, ...]
    actor: Attribution  # of an act
    importer: Attribution  # of an import, past the import system's own frames
    importing_place: Place | None  # the file of the importing frame; None: no such frame
    is_import: bool  # the innermost frames are the import system's, on behalf of an import
    is_for_itself: bool  # what is imported from here, the import system needs for its own work
    is_extension_init: bool  # an extension module's C code runs: it acts, or it is being loaded
    is_path_file: bool  # a line of a .pth file runs: it acts or imports
    extensions: tuple[ImportKey, ...]  # the extension modules being initialised, innermost first
    direct_extensions: int  # how many of them without a frame of other code between

    @property
    def is_transitive(self) -> bool:
        """Tell whether an import from here is made by the standard library itself."""
        place = self.importing_place
        return place is None or place.role in {Role.STANDARD_LIBRARY, Role.IMPORT_SYSTEM}


_NOBODY = Attribution(STANDARD_LIBRARY, None, (STANDARD_LIBRARY.name,))
EMPTY_VIEW = StackView(
    frames=(),
    actor=_NOBODY,
    importer=_NOBODY,
    importing_place=None,
    is_import=False,
    is_for_itself=False,
    is_extension_init=False,
    is_path_file=False,
    extensions=(),
    direct_extensions=0,
)


class Stacks:
    """Gives the view of each stack of a trace, made once."""

    def __init__(self, trace: TraceReader, places: Places) -> None:
        self._trace = trace
        self._places = places
        self._views: dict[int, StackView] = {}
        self._caller_views: dict[int, StackView] = {}
        self._looks: dict[tuple[int | None, int], tuple[Frame, Place, str]] = {}

    def view(self, stack: int | None, process: ProcessRow) -> StackView:
        """Give the view of a stack by its number; without one, the interpreter itself acts."""
        return EMPTY_VIEW if stack is None else self._find(self._views, stack, process, 0)

    def caller_view(self, stack: int | None, process: ProcessRow) -> StackView:
        """Give the view of a stack without its innermost frame."""
        return EMPTY_VIEW if stack is None else self._find(self._caller_views, stack, process, 1)

    def innermost_place(self, stack: int | None, process: ProcessRow) -> Place | None:
        """Give what the file of the innermost frame is; None where there is no frame."""
        rows = self._trace.stack(stack) if stack is not None else ()
        return self._look(rows[0], process.root)[1] if rows else None

    def _find(self, views: dict[int, StackView], stack: int, process: ProcessRow, start: int) -> StackView:
        found = views.get(stack)
        if found is None:
            if len(views) >= _MAX_VIEWS:
                views.clear()
            found, is_decided = self._make(stack, process, start)
            if is_decided:
                views[stack] = found
        return found

    def _make(self, stack: int, process: ProcessRow, start_frame: int) -> tuple[StackView, bool]:
        """Make a view from a frame outwards; also tell whether all of its files have been decided."""
        rows = self._trace.stack(stack)[start_frame:]
        looks = [self._look(row, process.root) for row in rows]
        seen = Seen(tuple(look[0] for look in looks), [look[1] for look in looks], [look[2] for look in looks])
        around = Surroundings(process.arguments, lambda: self._trace.is_stack_truncated(stack))
        importer = find_importer(seen)
        start = importer or 0
        steps, direct = find_extensions(seen)
        view = StackView(
            frames=seen.frames,
            actor=find_actor(seen, around),
            importer=find_importing_owner(seen, start, around),
            importing_place=seen.places[start] if start < len(seen.places) else None,
            is_import=importer is not None,
            is_for_itself=imports_for_itself(seen),
            is_extension_init=runs_extension(seen, steps),
            direct_extensions=direct,
            is_path_file=is_path_file(seen, start),
            extensions=tuple(
                tuple((row.code, row.instruction) for row in rows[find_beginning(seen, step) :]) for step in steps
            ),
        )
        return view, not any(place is UNDECIDED for place in seen.places)

    def _look(self, row: FrameRow, root: int) -> tuple[Frame, Place, str]:
        """Give a frame, what its file is, and its function without the class; frames repeat more than stacks do."""
        key = (row.code, row.instruction)
        found = self._looks.get(key)
        if found is None:
            place = self._places.place(root, row.file)
            found = (Frame(row.file, row.line, row.function), place, (row.function or "").rpartition(".")[2])
            if row.code is not None and place is not UNDECIDED:
                if len(self._looks) >= _MAX_LOOKS:
                    self._looks.clear()
                self._looks[key] = found
        return found
