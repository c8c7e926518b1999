"""What .pyc files could do, where there is no source to parse. Run as a program of its own, as `source_program` is."""

import sys

from pyxhon.abilities.model import CALL, DLL_IMPORT, IMPORT
from pyxhon.abilities.resolving import IMPORTERS, Wanted
from pyxhon.abilities.source_program import DLOPEN, LOADERS, MAX_SITES, Site, confine, place_of, serve
from pyxhon.cpython.compiled_names import Named, read_compiled


def read_bytecode(content: bytes, wanted: Wanted) -> dict[str, list[object]] | str:
    """Give the functions that compiled code has and the sites of what it could do; or say why not."""
    try:
        functions, named = read_compiled(content)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - xdis raises anything on what it does not know
        return f"its bytecode cannot be read: {type(error).__name__}"
    found = {site for each in named if (site := _site(each, wanted))}
    # What was called with literal text is told by that.
    told = {(kind, site[4], site[6]) for site in found for kind in (site[0], site[2])}
    kept = [site for site in found if site[0] != CALL or not told & _as_told(site)]
    sites = sorted(kept, key=place_of)
    if len(sites) > MAX_SITES:
        return f"it has more than {MAX_SITES} imports and calls"
    return {"functions": [*sorted(functions)], "sites": [*sites]}


def _site(named: Named, wanted: Wanted) -> Site | None:
    where = named.line, named.line, named.function, named.first_line, False
    if named.kind == IMPORT:
        return IMPORT, named.name, named.written, named.level, *where
    if named.kind == "text" and named.name in IMPORTERS:
        return IMPORT, named.written, named.name.removeprefix("builtins."), 0, *where
    if named.kind == "text" and (named.name in LOADERS or named.name.endswith(f".{DLOPEN}")):
        return DLL_IMPORT, named.written, "", 0, *where
    told = wanted.shown(named.name)
    return None if told is None or not wanted.is_function(told) else (CALL, told, "", 0, *where)


def _as_told(site: Site) -> set[tuple[str, int, str]]:
    """Give by what a call would be told otherwise."""
    kind = DLL_IMPORT if site[1] in LOADERS else site[1]
    return {(kind, site[4], site[6])} if kind == DLL_IMPORT or f"builtins.{kind}" in IMPORTERS else set()


def main() -> None:
    """Be the program."""
    confine()
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing else may speak there
    serve(sys.stdin.buffer, answers, read_bytecode)
