"""Whose frame it is: the role that a code object's file plays, from the trace's table `file`."""

import enum
import posixpath
from dataclasses import dataclass

from pyxhon.join.model import STANDARD_LIBRARY, UNKNOWN, Owner
from pyxhon.packages.names import normalise
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import FileRow

_IMPORT_SYSTEM = frozenset({"importlib._bootstrap", "importlib._bootstrap_external", "zipimport"})
_IMPORT_CALLS = frozenset({"import_module", "__import__", "reload"})


class Role(enum.Enum):
    """What a frame can be to the question who is answerable."""

    IMPORT_SYSTEM = 1
    STANDARD_LIBRARY = 2
    GENERATED = 3  # made by exec or eval: whoever ran it answers
    OWNED = 4
    UNREAD = 5


@dataclass(frozen=True, slots=True)
class Place:
    """One file as frames see it."""

    role: Role
    owner: Owner
    module: str | None = None
    is_package: bool = False

    @property
    def runs_cells(self) -> bool:
        """Tell whether this is an interactive shell: the code it runs is the application's, not its own."""
        return normalise(self.owner.name) in _SHELLS


_SHELLS = frozenset({"ipython", "ipykernel", "bpython", "ptpython", "xonsh"})
_UNREAD = Place(Role.UNREAD, UNKNOWN)
UNDECIDED = Place(Role.UNREAD, UNKNOWN)
"""A file that has no row yet: the recording has not come to it."""


class Places:
    """Looks files up in the trace; reads the table again when a file is new, at most once per batch."""

    def __init__(self, trace: TraceReader) -> None:
        self._trace = trace
        self._rows: dict[tuple[int, str], FileRow] = {}
        self._places: dict[tuple[int, str], Place] = {}
        self._is_fresh = False
        self.packages: dict[str, str] = {}  # module name → package
        self.search_roots: dict[int, set[str]] = {}  # root → directories that module names start from

    def start_batch(self) -> None:
        """Allow the table to be read again."""
        self._is_fresh = False

    def row(self, root: int, path: str) -> FileRow | None:
        """Give the row of a file."""
        found = self._rows.get((root, path))
        if found is None and not self._is_fresh:
            self._read()
            found = self._rows.get((root, path))
        return found

    def place(self, root: int, path: str | None) -> Place:
        """Give what a code object's file is."""
        if path is None:
            return _UNREAD
        found = self._places.get((root, path))
        if found is None:
            row = self.row(root, path)
            if row is None:
                return UNDECIDED
            found = self._places[root, path] = _place_of(row)
        return found

    def owner(self, root: int, path: str) -> Owner:
        """Give the package that a file belongs to; a DLL nobody knows is its own."""
        row = self.row(root, path)
        return Owner(row.package, row.version, row.origin) if row else Owner(posixpath.basename(path), None, "dll")

    def package_of(self, module: str) -> str | None:
        """Give the package that a module belongs to, as far as files of it or of a parent were met."""
        name = module
        while name:
            if name in self.packages:
                return self.packages[name]
            name = name.rpartition(".")[0]
        return None

    def _read(self) -> None:
        self._is_fresh = True
        rows = self._trace.files()
        for key, row in rows.items():
            if key not in self._rows:
                self._rows[key] = row
                self._note_module(row)

    def _note_module(self, row: FileRow) -> None:
        if row.module is None:
            return
        self.packages.setdefault(row.module, row.package)
        path = posixpath.splitext(row.path)[0].removesuffix("/__init__")
        tail = "/" + row.module.replace(".", "/")
        if path.endswith(tail):
            self.search_roots.setdefault(row.root, set()).add(path.removesuffix(tail))


def _place_of(row: FileRow) -> Place:
    detail = row.detail if isinstance(row.detail, dict) else {}
    owner = Owner(row.package, row.version, row.origin)
    is_package = posixpath.basename(row.path).startswith("__init__.")
    if detail.get("generated"):
        return Place(Role.GENERATED, owner, row.module, is_package)
    if row.origin == "stdlib":
        role = Role.IMPORT_SYSTEM if row.module in _IMPORT_SYSTEM else Role.STANDARD_LIBRARY
        return Place(role, STANDARD_LIBRARY, row.module, is_package)
    return Place(Role.OWNED, owner, row.module, is_package)


def is_import_call(place: Place, function: str | None) -> bool:
    """Tell whether a frame is importlib's front door: what it imports, its caller imports."""
    return place.role is Role.STANDARD_LIBRARY and place.module == "importlib" and function in _IMPORT_CALLS
