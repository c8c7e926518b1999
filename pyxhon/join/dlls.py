"""The DLLs of a trace with who loaded them, from where and by which way."""

import posixpath
from dataclasses import dataclass

from pyxhon.join.model import Frame, Joined, Load
from pyxhon.join.needs import Needs, find_needs, is_named
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import DllRow

_ASKED = ("import", "ctypes", "dlopen", "dlmopen", "by_hand", "needed", "start")  # what tells most comes first


@dataclass(frozen=True, slots=True)
class LoadedDll:
    """One DLL of one process; `package` is None for one that belongs to no distribution.

    `loaded_by` and `load_location` are None where it was mapped before the trace, or while the program started.
    `way` is that of a load, or preload: mapped while the program started though nothing needs it. `loader` is the DLL
    that asked for it or needs it.
    """

    path: str
    sha256: str | None
    build_id: str | None
    package: str | None
    origin: str | None
    loaded_by: str | None
    load_location: Frame | None
    process: int
    way: str | None = None
    loader: str | None = None


def join_dlls(trace: TraceReader, joined: Joined) -> tuple[LoadedDll, ...]:
    """Give all DLLs of a trace; `joined` is what `join` gave for all of its events."""
    roots = {row.id: row.root for row in trace.processes()}
    files = trace.files()
    by_event = {load.event: load for load in joined.loads if load.way not in {"needed", "start"}}
    loads: dict[int, list[Load]] = {}
    for each in sorted(joined.loads, key=lambda load: _ASKED.index(load.way) if load.way in _ASKED else len(_ASKED)):
        loads.setdefault(each.process, []).append(each)
    rows = trace.dlls()
    needs = find_needs(rows)
    found = []
    for row in rows:
        own = by_event.get(row.event or 0)
        load = own or next((load for load in loads.get(row.process, ()) if _is_of(row.path, load)), None)
        file = files.get((roots.get(row.process, 0), row.path))
        owner = (file.package if file and file.origin != "dll" else None, file.origin if file else None)
        found.append(_loaded(row, owner, load, needs.get(row.process)))
    return tuple(found)


def _is_of(path: str, load: Load) -> bool:
    """Tell whether a load is of this file: by its path, its name alone, or a link to it."""
    if load.path == path:
        return True
    return is_named(path, load.path) and (
        "/" not in load.path or load.way == "needed" or posixpath.basename(load.path) != posixpath.basename(path)
    )


def _loaded(row: DllRow, owner: tuple[str | None, str | None], load: Load | None, needs: Needs | None) -> LoadedDll:
    way, loader = (load.way, load.loader) if load else (None, None)
    if needs and way in {None, "start"}:
        needing = needs.find(row.path)
        if needing is not None:
            way, loader = "needed", needing
        elif way == "start" and needs.is_complete:
            way = "preload"
    is_seen = load is not None and load.way != "start"
    return LoadedDll(
        row.path,
        row.sha256,
        row.build_id,
        *owner,
        load.owner.name if load and is_seen else None,
        load.location if load and is_seen else None,
        row.process,
        way,
        loader,
    )
