"""Code that a stack does not show the owner of: extension modules being initialised, and lines of .pth files.

Which of them runs is told by what was loaded or opened just before, from the same place.
"""

from dataclasses import dataclass

from pyxhon.join.model import UNKNOWN
from pyxhon.join.native import NO_VIEW, NativeView
from pyxhon.join.owners import Attribution
from pyxhon.join.places import Places
from pyxhon.join.stacks import ImportKey, StackView
from pyxhon.trace.rows import EventRow, ProcessRow

_MAX_NOTES = 100_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event with its stacks and its process."""

    event: EventRow
    view: StackView
    process: ProcessRow
    native: NativeView = NO_VIEW


class Frameless:
    """Remembers what was loaded or opened, and names who acts where no frame of theirs is there."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._extensions: dict[tuple[int, ImportKey], list[tuple[int, str]]] = {}
        self._path_files: dict[int, list[tuple[int, str]]] = {}
        self._notes = 0

    def note_extension(self, seen: Sighting, filename: str) -> None:
        """Note that an extension module is about to be loaded."""
        if seen.view.extensions:
            self._make_room()
            key = (seen.process.id, seen.view.extensions[0])
            self._extensions.setdefault(key, []).append((seen.event.first_ns, filename))

    def note_open(self, seen: Sighting, path: str) -> None:
        """Note an opened file: the lines of a .pth file run right after module site has opened it."""
        place = seen.view.importing_place
        if path.endswith(".pth") and place is not None and place.module == "site":
            self._make_room()
            self._path_files.setdefault(seen.process.id, []).append((seen.event.first_ns, path))

    def attribute(self, seen: Sighting, *, of_load: bool = False) -> Attribution | None:
        """Give the owner of the code that acts without a frame; None where none does, or the frames tell as well.

        `of_load`: the event is the load of an extension module itself, made by the code around it.
        """
        if seen.view.is_path_file:
            path = _latest(self._path_files.get(seen.process.id, []), seen.event.first_ns)
            by = seen.view.importer
            if path is None or self._places.row(seen.process.root, path) is None:
                return None
            owner = self._places.owner(seen.process.root, path)
            return Attribution(owner, by.location, (owner.name,))
        filename = self.extension_file(seen, of_load=of_load)
        by = seen.view.importer
        if filename is None:
            return None
        owner = self._places.owner(seen.process.root, filename)
        if owner.origin == "stdlib":
            return None
        outer = by.chain[:-1] if by.owner == UNKNOWN else by.chain
        return by if owner == by.owner else Attribution(owner, None, (*outer, owner.name))

    def extension_file(self, seen: Sighting, *, of_load: bool = False) -> str | None:
        """Find the extension module whose initialisation an event happens in."""
        if len(seen.view.extensions) <= int(of_load):
            return None
        key = (seen.process.id, seen.view.extensions[int(of_load)])
        return _latest(self._extensions.get(key, []), seen.event.first_ns)

    def _make_room(self) -> None:
        self._notes += 1
        if self._notes > _MAX_NOTES:
            self._extensions.clear()
            self._path_files.clear()
            self._notes = 1


def _latest(notes: list[tuple[int, str]], time_ns: int) -> str | None:
    """Find the last thing noted before a time."""
    return max((note for note in notes if note[0] <= time_ns), default=(0, None))[1]
