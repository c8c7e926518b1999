"""Decides while recording whose file each file is: later the disk may have changed or the target's root be gone."""

import contextlib
import os
import posixpath
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pyxhon.dossier.budget import Allowance
from pyxhon.errors import ElfError, PyxhonError, TargetError
from pyxhon.target.elf import open_image
from pyxhon.target.root import TargetRoot, open_root
from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store

if TYPE_CHECKING:
    from pyxhon.packages import FileOwner, ModuleNames, PackageIndex

_FILES_AT_ONCE: Final = 64
_MAX_HELD: Final = 384
_SOURCE_BYTES: Final = 1 << 20
_MAX_SOURCES: Final = 256
_MAX_ROOTS: Final = 128  # each costs two descriptors
_KEPT_S: Final = 60.0  # what is left to be read when recording ends is read by then, of most runs


class Ownership:
    """Queues files as they are seen, and answers when there is time; what that needs is imported only then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._roots: list[TargetRoot] = []
        self._unused_since: dict[int, float] = {}
        self._indexes: dict[int, PackageIndex] = {}
        self._search_paths: list[list[str]] = []  # by root, as far as its index does not know them
        self._module_names: dict[int, ModuleNames] = {}
        self._new_entries: list[dict[str, None]] = []  # of sys.path, by root, as far as module names do not know them
        self._names_in_source: dict[tuple[int, str], dict[tuple[int, str], str]] = {}
        self._asked: set[tuple[int, str]] = set()
        self._waiting: list[tuple[int, str, str | None]] = []
        self._known_dlls: set[tuple[int, str]] = set()
        self._dlls: list[tuple[int, str]] = []
        self._held: dict[tuple[int, str], int] = {}
        self._allowance = Allowance()
        self.on_extension: Callable[[EventRow, int, str], None] = lambda _event, _root, _path: None

    def close(self) -> None:
        """Give the descriptors of all roots back."""
        for root in self._roots:
            root.close()
        self._roots.clear()
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    def root_of(self, pid: int) -> int:
        """Give the index of the file tree that a process sees.

        Raises TargetError when it ended, and when there are too many.
        """
        root = open_root(pid)
        for index, known in enumerate(self._roots):
            if known.key == root.key:
                known.hold_mounts(root)
                self._unused_since.pop(index, None)
                root.close()
                return index
        if len(self._roots) >= _MAX_ROOTS:
            root.close()
            message = f"process {pid} has a file tree of its own, and {_MAX_ROOTS} are known already"
            raise TargetError(message)
        self._roots.append(root)
        self._search_paths.append([])
        self._new_entries.append({})
        return len(self._roots) - 1

    def release_mounts(self, used: set[int], now_s: float) -> None:
        """Let go of the mounts of roots that no process has used for a while: they are not ours to keep."""
        for index, root in enumerate(self._roots):
            since = now_s if index in used else self._unused_since.get(index, now_s)
            self._unused_since[index] = since
            if now_s - since > _KEPT_S:
                root.release_mounts()

    def _index_of(self, root: int) -> "PackageIndex":
        from pyxhon.packages import PackageIndex  # noqa: PLC0415 - see above

        if root not in self._indexes:
            self._indexes[root] = PackageIndex(self._roots[root], [])
        if self._search_paths[root]:
            self._indexes[root].add_search_paths(self._search_paths[root])
            self._search_paths[root] = []
        return self._indexes[root]

    def target_root(self, root: int) -> TargetRoot:
        """Give a file tree by its index."""
        return self._roots[root]

    def add_search_paths(self, root: int, paths: list[str]) -> None:
        """Tell entries of sys.path."""
        entries = [path for path in paths if path.startswith("/")]
        self._search_paths[root] += entries
        self._new_entries[root].update(dict.fromkeys(entries))

    def module_names(self, root: int, path: str, working_directory: str | None) -> tuple[str, ...]:
        """Give the names that the module of a code object's file may have: at once, unlike its owner."""
        from pyxhon.packages import ModuleNames  # noqa: PLC0415 - see above

        if root not in self._module_names:
            self._module_names[root] = ModuleNames(self._roots[root])
        found = self._module_names[root]
        found.add_search_paths(self._new_entries[root])
        self._new_entries[root].clear()
        return found.names_of(path, working_directory)

    def qualified_name(self, root: int, path: str, place: tuple[int, str]) -> str | None:
        """Find a function by its first line and the last part of its name in the source, which is read at once.

        None: it is not there, as a lambda and code without a source are not.
        """
        from pyxhon.cpython.source_names import read_qualified_names  # noqa: PLC0415 - see above

        found = self._names_in_source.get((root, path))
        if found is None:
            if len(self._names_in_source) >= _MAX_SOURCES:
                self._names_in_source.clear()
            content = self._roots[root].read_file(path, _SOURCE_BYTES) if path.startswith("/") else None
            found = read_qualified_names(content.decode("utf-8", "replace")) if content else {}
            self._names_in_source[root, path] = found
        return found.get(place)

    def see_file(self, root: int, path: str, working_directory: str | None) -> None:
        """Queue a code object's file or a DLL."""
        if (root, path) not in self._asked:
            self._asked.add((root, path))
            self._waiting.append((root, path, working_directory))

    def see_dll(self, root: int, path: str, descriptor: int | None = None) -> None:
        """Queue a DLL, which is to be examined, too: by a descriptor where its file may be gone when there is time."""
        self.see_file(root, path, None)
        if (root, path) not in self._known_dlls:
            self._known_dlls.add((root, path))
            self._dlls.append((root, path))
        if descriptor is not None and (root, path) not in self._held and len(self._held) < _MAX_HELD:
            with contextlib.suppress(OSError):  # too many open files: by its path, then
                self._held[root, path] = os.dup(descriptor)

    def see_event(self, root: int, working_directory: str | None, event: EventRow) -> None:
        """Take from an event the files whose owner will be asked for, and sys.path."""
        arguments = event.arguments
        if event.kind == "dll-load" and isinstance(arguments.get("path"), str) and "/" in arguments["path"]:
            self.see_file(root, arguments["path"], working_directory)
        if event.kind == "audit" and event.name == "open" and arguments and str(arguments[0]).endswith(".pth"):
            self.see_file(root, str(arguments[0]), working_directory)  # its lines run as code without a file
        if event.kind == "audit" and event.name == "import" and len(arguments) > 2:  # noqa: PLR2004
            if isinstance(arguments[1], str):
                self.see_dll(root, arguments[1])
                self._store.add_dll(event.process, arguments[1], event=event.id)
                self.on_extension(event, root, arguments[1])
            if isinstance(arguments[2], list):
                self.add_search_paths(root, [path for path in arguments[2] if isinstance(path, str)])

    @property
    def has_work(self) -> bool:
        """Tell whether files wait for their owner."""
        return bool(self._waiting)

    def open_file(self, root: int, path: str) -> int | None:
        """Open a regular file as a root sees it; None when it is not to be had."""
        return self._roots[root].open_file(path)

    def work(self, limit: int = _FILES_AT_ONCE) -> None:
        """Answer for some of the files that wait."""
        batch, self._waiting = self._waiting[:limit], self._waiting[limit:]
        for root, path, working_directory in batch:
            self._add_file(root, path, self._index_of(root).owner_of(path, working_directory))

    def _add_file(self, root: int, path: str, owner: "FileOwner") -> None:
        self._store.add_file(root, path, (owner.origin, owner.package, owner.version, owner.module, owner.detail))

    def finish(self) -> None:
        """Answer for all that wait, examine the DLLs, and tell what sources define and what distributions could do."""
        for root, path, folder in self._store.called_files():
            self.see_file(root, path, folder)
        while self._waiting:
            self.work()
        for root, path in self._dlls:
            with contextlib.suppress(OSError):
                self._examine(root, path)
        self._dlls.clear()
        self._list_functions(self._read_abilities())

    def _read_abilities(self) -> dict[tuple[int, str], list[tuple[int, str]]]:
        """Tell what the distributions that were seen could do by their text; gives the functions of their sources."""
        seen = self._store.distribution_files()
        if not seen:
            return {}
        from pyxhon.abilities.read import Roots, read_abilities  # noqa: PLC0415 - see above
        from pyxhon.abilities.wanted import describe_wanted  # noqa: PLC0415 - see above
        from pyxhon.policy.parse import load_categories  # noqa: PLC0415 - see above

        roots = Roots(self.target_root, self._index_of)
        rows = read_abilities(seen, roots, describe_wanted(load_categories()))
        self._store.add_abilities(rows)
        return {(row.root, row.path): row.functions for row in rows if row.reason is None}

    def _list_functions(self, known: dict[tuple[int, str], list[tuple[int, str]]]) -> None:
        """Tell what is defined in the files of functions that ran; no files where none were asked for."""
        files = self._store.called_sources()
        if not files:
            return
        from pyxhon.packages.sources import Sources  # noqa: PLC0415 - see above

        with Sources() as sources:
            for root, path, folder in files:
                whole = posixpath.join(folder or "/", path)
                functions = known.get((root, path)) or sources.list_functions(self._roots[root], whole)
                self._store.add_source(root, path, functions)

    def _examine(self, root: int, path: str) -> None:
        """Hash a DLL, read what it says of itself, and hold it against what its installer recorded."""
        from pyxhon.dossier.examine import examine, hash_file  # noqa: PLC0415 - see above

        descriptor = self._held.pop((root, path), None)
        if descriptor is None:
            descriptor = self._roots[root].open_file(path)
        if descriptor is None:
            return
        try:
            examined = examine(descriptor, path, self._allowance)
        except ElfError:
            self._store.set_hash(path, hash_file(descriptor, self._allowance), None)
            return
        finally:
            os.close(descriptor)
        self._store.set_hash(path, examined.sha256, examined.build_id)
        record = None if examined.sha256 is None else self._check_record(root, path, examined.sha256)
        self._store.set_dossier(path, replace(examined.dossier, record=record).to_json())

    def _check_record(self, root: int, path: str, sha256: str) -> str | None:
        """Compare with RECORD; a file that differed when it was first seen stays one that does."""
        from pyxhon.packages import CHANGED  # noqa: PLC0415 - see above

        index = self._index_of(root)
        before = index.owner_of(path)
        owner, record = index.check_file(path, sha256)
        if (before.detail or {}).get("record") == CHANGED:
            return CHANGED
        if owner != before:
            self._add_file(root, path, owner)
        return record

    def read_interpreter(self, path: str, address: int, size: int) -> bytes | None:
        """Read constant memory of an interpreter from its file."""
        try:
            with open_image(path) as image:
                return image.read(address, size)
        except (PyxhonError, OSError):
            return None
