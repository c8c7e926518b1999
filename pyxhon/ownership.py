"""Decides while recording whose file each file is: later the disk may have changed or the target's root be gone."""

import contextlib
import hashlib
import os
from typing import Final

from pyxhon.errors import ElfError, PyxhonError
from pyxhon.packages import PackageIndex
from pyxhon.target.elf import image_of, open_image
from pyxhon.target.root import TargetRoot, open_root
from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store

_FILES_AT_ONCE: Final = 64
_HASH_LIMIT_BYTES: Final = 1 << 29
_BLOCK_BYTES: Final = 1 << 20


class Ownership:
    """Queues files as they are seen, and answers when there is time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._roots: list[TargetRoot] = []
        self._indexes: list[PackageIndex] = []
        self._asked: set[tuple[int, str]] = set()
        self._waiting: list[tuple[int, str, str | None]] = []
        self._hashed: set[tuple[int, str]] = set()
        self._dlls: list[tuple[int, str]] = []
        self._hash_budget = _HASH_LIMIT_BYTES

    def close(self) -> None:
        """Give the descriptors of all roots back."""
        for root in self._roots:
            root.close()
        self._roots.clear()

    def root_of(self, pid: int) -> int:
        """Give the index of the file tree that a process sees. Raises TargetError when it ended."""
        root = open_root(pid)
        for index, known in enumerate(self._roots):
            if known.key == root.key:
                root.close()
                return index
        self._roots.append(root)
        self._indexes.append(PackageIndex(root, []))
        return len(self._roots) - 1

    def target_root(self, root: int) -> TargetRoot:
        """Give a file tree by its index."""
        return self._roots[root]

    def add_search_paths(self, root: int, paths: list[str]) -> None:
        """Tell entries of sys.path."""
        self._indexes[root].add_search_paths([path for path in paths if path.startswith("/")])

    def see_file(self, root: int, path: str, working_directory: str | None) -> None:
        """Queue a code object's file or a DLL."""
        if (root, path) not in self._asked:
            self._asked.add((root, path))
            self._waiting.append((root, path, working_directory))

    def see_dll(self, root: int, path: str) -> None:
        """Queue a DLL, which is to be hashed, too."""
        self.see_file(root, path, None)
        if (root, path) not in self._hashed:
            self._hashed.add((root, path))
            self._dlls.append((root, path))

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
            if isinstance(arguments[2], list):
                self.add_search_paths(root, [path for path in arguments[2] if isinstance(path, str)])

    @property
    def has_work(self) -> bool:
        """Tell whether files wait for their owner."""
        return bool(self._waiting)

    def work(self, limit: int = _FILES_AT_ONCE) -> None:
        """Answer for some of the files that wait."""
        batch, self._waiting = self._waiting[:limit], self._waiting[limit:]
        for root, path, working_directory in batch:
            owner = self._indexes[root].owner_of(path, working_directory)
            self._store.add_file(root, path, (owner.origin, owner.package, owner.version, owner.module, owner.detail))

    def finish(self) -> None:
        """Answer for all that wait, and hash the DLLs."""
        while self._waiting:
            self.work()
        for root, path in self._dlls:
            self._hash(root, path)
        self._dlls.clear()

    def _hash(self, root: int, path: str) -> None:
        descriptor = self._roots[root].open_file(path)
        if descriptor is None:
            return
        try:
            build_id = None
            with contextlib.suppress(ElfError), image_of(os.dup(descriptor), path) as image:
                build_id = image.build_id
            self._store.set_hash(path, self._digest(descriptor), build_id)
        except OSError:
            return
        finally:
            os.close(descriptor)

    def _digest(self, descriptor: int) -> str | None:
        size = os.fstat(descriptor).st_size
        if size > self._hash_budget:
            return None
        self._hash_budget -= size
        digest, offset = hashlib.sha256(), 0
        while offset < size:
            block = os.pread(descriptor, min(_BLOCK_BYTES, size - offset), offset)
            if not block:
                break
            digest.update(block)
            offset += len(block)
        return digest.hexdigest()

    def read_interpreter(self, path: str, address: int, size: int) -> bytes | None:
        """Read constant memory of an interpreter from its file."""
        try:
            with open_image(path) as image:
                return image.read(address, size)
        except (PyxhonError, OSError):
            return None
