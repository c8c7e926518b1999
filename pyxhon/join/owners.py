"""Who answers for what a stack does. Every rule about owners is here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyxhon.cpython.program import read_program
from pyxhon.join.import_system import Seen, find_module_body
from pyxhon.join.model import APPLICATION, STANDARD_LIBRARY, UNKNOWN, Frame, Owner
from pyxhon.join.places import Role


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who answers, the frame that shows it, and the packages from the application to there."""

    owner: Owner
    location: Frame | None
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else must be known of a stack to name an owner."""

    arguments: Sequence[str]  # of the process
    is_cut: Callable[[], bool]  # asked only where it matters: it costs a query


def find_actor(seen: Seen, around: Surroundings) -> Attribution:
    """Find who acts: the innermost frame that belongs to neither the interpreter nor the standard library.

    What a standard module does while it is imported, it does by itself: whoever imports it has only imported it.
    """
    body = find_module_body(seen, 0)
    if body is None:
        return _find_owner(seen, 0, around)
    found = _find_owned(seen, 0, body)
    if found is not None:
        return found
    # A module without a file may be anybody's.
    is_foreign = seen.places[body - 1].role in {Role.GENERATED, Role.UNREAD}
    return _attribute(seen, UNKNOWN if is_foreign else STANDARD_LIBRARY, 0)


def find_importing_owner(seen: Seen, start: int, around: Surroundings) -> Attribution:
    """Find on whose behalf an import is made whose importing frame is `start`."""
    if start < len(seen.places) and seen.places[start].role is Role.GENERATED:
        body = find_module_body(seen, start)
        if body is not None:
            return _find_owned(seen, start, body) or _attribute(seen, UNKNOWN, start)
    return _find_owner(seen, start, around)


def is_path_file(seen: Seen, start: int) -> bool:
    """Tell whether a line of a .pth file runs: code without a file that module site executes at start-up."""
    outer = next((place for place in seen.places[start:] if place.role is not Role.GENERATED), None)
    is_generated = start < len(seen.places) and seen.places[start].role is Role.GENERATED
    return is_generated and outer is not None and outer.role is Role.STANDARD_LIBRARY and outer.module == "site"


def _find_owner(seen: Seen, start: int, around: Surroundings) -> Attribution:
    found = _find_owned(seen, start, len(seen.places))
    if found is not None:
        return found
    generated = next(
        (each for each in range(start, len(seen.places)) if seen.places[each].role is Role.GENERATED), None
    )
    if generated is None:
        return _attribute(seen, UNKNOWN if around.is_cut() else STANDARD_LIBRARY, start)
    return _attribute(seen, _owner_of_generated(seen, generated, around), generated)


def _find_owned(seen: Seen, start: int, end: int) -> Attribution | None:
    """Find the innermost frame that belongs to a package; code without a file belongs to whoever runs it."""
    generated: int | None = None
    for position in range(start, end):
        place = seen.places[position]
        if place.role is Role.GENERATED and generated is None:
            generated = position
        elif place.role is Role.UNREAD:
            return _attribute(seen, UNKNOWN, position)
        elif place.role is Role.OWNED:
            if generated is not None and place.runs_cells:
                return _attribute(seen, APPLICATION, generated)
            return _attribute(seen, place.owner, position)
    return None


def _owner_of_generated(seen: Seen, position: int, around: Surroundings) -> Owner:
    """Decide for code without a file that no other code runs: a command line, a console, or a thread's work."""
    place = seen.places[position]
    if place.owner != APPLICATION:
        return place.owner
    is_program = seen.places[-1].role is Role.GENERATED and seen.functions[-1] == "<module>"
    if not is_program and not _is_command_or_console(around.arguments):
        return UNKNOWN
    return UNKNOWN if around.is_cut() else APPLICATION


def _is_command_or_console(arguments: Sequence[str]) -> bool:
    """Tell whether an interpreter was started with -c or without a program (`python --help`)."""
    return read_program(arguments).kind in {"command", "console"}


def _attribute(seen: Seen, owner: Owner, position: int) -> Attribution:
    chain: list[str] = []
    for place in reversed(seen.places[position:]):
        if place.role is Role.OWNED and (not chain or chain[-1] != place.owner.name):
            chain.append(place.owner.name)
    if not chain or chain[-1] != owner.name:
        chain.append(owner.name)
    return Attribution(owner, seen.frames[position] if position < len(seen.frames) else None, tuple(chain))
