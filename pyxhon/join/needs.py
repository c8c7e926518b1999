"""Which DLLs of a process need which others, by what their files say; and what was loaded though nothing needs it."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import DllRow


@dataclass(frozen=True, slots=True)
class Needs:
    """Names of DLLs that others of a process need, and the first that does.

    Not complete where a file was not read, the program's own among them: one that ends at once may be gone before.
    """

    by: dict[str, str]
    is_complete: bool

    def find(self, path: str) -> str | None:
        """Give the DLL that needs a file."""
        return next((needing for name, needing in self.by.items() if is_named(path, name)), None)


def find_needs(rows: Iterable[DllRow]) -> dict[int, Needs]:
    """Give who needs what, by process."""
    names: dict[int, dict[str, str]] = {}
    unread = set()
    has_program = set()
    for row in rows:
        known = names.setdefault(row.process, {})
        if row.dossier is None:
            unread.add(row.process)
        elif row.dossier.get("loader") and not row.dossier.get("soname"):
            has_program.add(row.process)
        for name in (row.dossier or {}).get("needed") or ():
            known.setdefault(str(name), row.path)
    return {process: Needs(known, process in has_program - unread) for process, known in names.items()}


def is_named(path: str, asked: str) -> bool:
    """Tell whether a file is the one that was asked for, perhaps through a link: libffi.so.8 is libffi.so.8.1.2."""
    name, wanted = posixpath.basename(path), posixpath.basename(asked)
    return name == wanted or (".so" in wanted and name.startswith(wanted + "."))


class Preloads:
    """Tells what the loader maps at the start of a program though nothing needs it, as LD_PRELOAD makes it do."""

    def __init__(self, trace: TraceReader) -> None:
        self._trace = trace
        self._needs: dict[int, Needs] | None = None

    def start_batch(self) -> None:
        """Allow the table to be read again."""
        self._needs = None

    def is_preloaded(self, process: int, path: str) -> bool:
        """Tell whether a DLL that is mapped at the start is preloaded; not while some files have not been read."""
        if self._needs is None:
            self._needs = find_needs(self._trace.dlls())
        needs = self._needs.get(process)
        return needs is not None and needs.is_complete and needs.find(path) is None
