"""Where a Python stack runs the import system: pure rules on the frames' files and function names.

Function names are those of Lib/importlib/_bootstrap.py and _bootstrap_external.py, 3.8 to 3.15.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pyxhon.join.model import Frame
from pyxhon.join.places import Place, Role, is_import_call

# They run only because something is imported …
_DRIVERS = frozenset({
    "_find_and_load", "_find_and_load_unlocked", "_load", "_load_unlocked", "_gcd_import", "_handle_fromlist",
    "_find_spec", "_exec", "import_module", "__import__", "reload",
})  # fmt: skip
# … these a package's import hook calls in its turn, below one of the above …
_LOADER_STEPS = frozenset({
    "exec_module", "load_module", "create_module", "get_code", "get_source", "get_data", "find_spec",
})  # fmt: skip
# … and in these, something else is imported on behalf of the importer: a parent, a name of a `from` list, or what
# the code of an extension module asks for. From anywhere else, the import system imports for itself.
_PASSING_ON = frozenset({"_call_with_frames_removed", "_find_and_load", "_find_and_load_unlocked", "_gcd_import"})
_BEGINNINGS = frozenset({"_find_and_load", "_load", "_exec"})
_MAX_HOOK_FRAMES = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """A stack while it is looked at, innermost frame first."""

    frames: tuple[Frame, ...]
    places: Sequence[Place]
    functions: Sequence[str]  # without the class

    def is_driven(self, start: int, end: int) -> bool:
        """Tell whether these frames of the import system import something."""
        return not _DRIVERS.isdisjoint(self.functions[start:end])

    def block_end(self, start: int) -> int:
        """Find the first frame from `start` outwards that is not the import system's."""
        position = start
        while position < len(self.places) and (
            self.places[position].role is Role.IMPORT_SYSTEM
            or is_import_call(self.places[position], self.functions[position])
        ):
            position += 1
        return position


def find_importer(seen: Seen) -> int | None:
    """Find the importing frame: the first past the innermost import; None when no import is under way there.

    Reading a file through a loader is no import as long as nothing drives it (`pkgutil.get_data`).
    """
    end = seen.block_end(0)
    if end == 0:
        return None
    if seen.is_driven(0, end):
        return end
    if _LOADER_STEPS.isdisjoint(seen.functions[:end]):
        return None
    # A package's import hook that leaves the work to importlib: look for the import that called the hook.
    for position in range(end, min(end + _MAX_HOOK_FRAMES, len(seen.places))):
        if seen.places[position].role is Role.IMPORT_SYSTEM:
            outer = seen.block_end(position)
            return outer if seen.is_driven(position, outer) else None
    return None


def find_module_body(seen: Seen, start: int) -> int | None:
    """Find the import that runs the code from `start` on: its first frame; None when no module is initialised."""
    position = seen.block_end(start)
    while position < len(seen.places):
        end = seen.block_end(position)
        if seen.is_driven(position, end):
            return position
        position = max(end, position + 1)
    return None


def imports_for_itself(seen: Seen) -> bool:
    """Tell whether an import made here is one that the import system needs for its own work (`_io`)."""
    return seen.block_end(0) > 0 and seen.functions[0] not in _PASSING_ON


def find_extensions(seen: Seen) -> tuple[list[int], int]:
    """Find the frames from which extension modules' own code is called, and how many call it without a frame between.

    Looked at are the innermost frames of the import system, and those that run the innermost code where no package's
    frame lies between. Up to 3.10 names are not qualified, and `exec_module` is also the loader of source files: there
    the execution of an extension module is only known where its C code is the innermost.
    """
    end = seen.block_end(0)
    steps = _extension_steps(seen, 0, end)
    body = find_module_body(seen, end)
    if body is None or any(place.role is Role.OWNED for place in seen.places[end:body]):
        return steps, len(steps)
    return [*steps, *_extension_steps(seen, body, seen.block_end(body))], len(steps)


def _extension_steps(seen: Seen, start: int, end: int) -> list[int]:
    steps = []
    for position in range(start, end - 1):
        if seen.functions[position] == "_call_with_frames_removed":
            caller = seen.frames[position + 1].function or ""
            is_execution = caller == "ExtensionFileLoader.exec_module" or (caller == "exec_module" and position == 0)
            if seen.functions[position + 1] == "create_module" or is_execution:
                steps.append(position)
    return steps


def runs_extension(seen: Seen, steps: list[int]) -> bool:
    """Tell whether the innermost code is called by an extension module that is being initialised, or is its own."""
    if not steps:
        return False
    start = 0 if seen.block_end(0) > 0 else find_module_body(seen, 0)
    return steps[0] == start


def find_beginning(seen: Seen, step: int) -> int:
    """Find the frame in which the import began that a frame of the import system is part of."""
    position = step + 2
    end = seen.block_end(step)
    while position < end and seen.functions[position] not in _BEGINNINGS:
        position += 1
    return position
