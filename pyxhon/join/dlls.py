"""The DLLs of a trace with who loaded them and from where."""

import posixpath
from dataclasses import dataclass

from pyxhon.join.model import Frame, Joined, Load
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import DllRow


@dataclass(frozen=True, slots=True)
class LoadedDll:
    """One DLL of one process; `package` is None for one that belongs to no distribution.

    `loaded_by` and `load_location` are None where it was mapped before the trace, or with another DLL that needs it.
    """

    path: str
    sha256: str | None
    build_id: str | None
    package: str | None
    origin: str | None
    loaded_by: str | None
    load_location: Frame | None
    process: int


def join_dlls(trace: TraceReader, joined: Joined) -> tuple[LoadedDll, ...]:
    """Give all DLLs of a trace; `joined` is what `join` gave for all of its events."""
    roots = {row.id: row.root for row in trace.processes()}
    files = trace.files()
    by_event = {load.event: load for load in joined.loads}
    by_path: dict[tuple[int, str], Load] = {}
    by_name: dict[tuple[int, str], Load] = {}
    for seen in joined.loads:
        by_path.setdefault((seen.process, seen.path), seen)
        if "/" not in seen.path:
            by_name.setdefault((seen.process, seen.path), seen)
    found = []
    for row in trace.dlls():
        candidates = (
            by_event.get(row.event or 0),
            by_path.get((row.process, row.path)),
            by_name.get((row.process, posixpath.basename(row.path))),
        )
        load: Load | None = next((each for each in candidates if each is not None), None)
        file = files.get((roots.get(row.process, 0), row.path))
        package = file.package if file and file.origin != "dll" else None
        found.append(_loaded(row, (package, file.origin if file else None), load))
    return tuple(found)


def _loaded(row: DllRow, package: tuple[str | None, str | None], load: Load | None) -> LoadedDll:
    return LoadedDll(
        row.path,
        row.sha256,
        row.build_id,
        *package,
        load.owner.name if load else None,
        load.location if load else None,
        row.process,
    )
