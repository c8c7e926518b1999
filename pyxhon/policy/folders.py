"""Where a process that changed its working directory may have been: its relative paths may start from any of these."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from pyxhon.policy.patterns import plain_path

if TYPE_CHECKING:
    from pyxhon.join import Behaviour
    from pyxhon.trace.rows import ProcessRow

_MOST_FOLDERS: Final = 16  # of one process
_CHANGES: Final = frozenset({"os.chdir", "chdir"})


def find_visited(
    processes: Iterable["ProcessRow"], acts: Iterable["Behaviour"], known: Mapping[int, str]
) -> dict[int, tuple[str, ...]]:
    """Give by process, of those whose directory is not `known`, the folders that they were seen to go to.

    A process has its parent's, too, for which parents come before their children.
    """
    changes: dict[int, list[str]] = {}
    for act in acts:
        path = act.arguments.get("path")
        if act.name.rpartition(":")[2] in _CHANGES and isinstance(path, str):
            changes.setdefault(act.process, []).append(path)
    visited: dict[int, tuple[str, ...]] = {}
    for row in processes:
        begun = visited.get(row.parent, ()) if row.parent is not None else ()
        own = (row.working_directory,) if row.working_directory else ()
        if row.id not in known:
            visited[row.id] = _follow((*own, *begun), changes.get(row.id, ()))
    return visited


def _follow(begun: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Go to each path from wherever it may have been."""
    found = dict.fromkeys(begun)
    for path in paths:
        for start in list(found) or ["/"]:
            plain = plain_path(path, start)
            if plain is not None and len(found) < _MOST_FOLDERS:
                found["/" + "/".join(plain.segments)] = None
    return tuple(found)
