"""Finds the CPython that a process runs: version, build, file and load address.

A file holds CPython when it defines `Py_Initialize` and `PyEval_EvalFrameEx`: embedders (uwsgi, gdb, a
game) count like `python3` itself.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyxhon.cpython.machine_code import referred_addresses
from pyxhon.errors import ElfError, InterpreterError, UnsupportedInterpreterError
from pyxhon.target import process
from pyxhon.target.elf import ElfImage, open_image
from pyxhon.target.libraries import find_library
from pyxhon.target.process import read_executable, read_mappings, read_root_path
from pyxhon.target.root import TargetRoot

OLDEST, NEWEST = (3, 8), (3, 15)
_ORDER = re.compile(r"libpython|python|pypy|graalpy")
_VERSION = re.compile(r"(\d)\.(\d{1,2})\.(\d{1,3})(?:(?:a|b|rc)\d{1,3})?\+?")
_SONAME = re.compile(r"libpython(\d)\.(\d{1,2})([a-z]*)\.so")
_CPYTHON = {"Py_Initialize", "PyEval_EvalFrameEx"}
_PYPY = {"pypy_execute_source", "pypy_main_startup", "PyPy_Initialize"}
_MAX_KNOWN = 1 << 10
_MAX_OPEN = 128
_MAX_NEEDED = 32
_MAX_CODE_BYTES = 160
_DEBUG_COOKIE = b"xdebugpy"
_PAGE_BYTES = 4096
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """One CPython.

    `path` is the file as the target sees it, `file_path` one that opens here (it may stop working when the
    target ends). `base` is what to add to an address of the file; None while no process runs it.
    """

    version: tuple[int, int, int]
    path: str
    file_path: str
    device: int
    inode: int
    build_id: str | None
    linkage: str
    is_stripped: bool
    is_free_threaded: bool
    is_debug: bool
    is_replaced: bool
    base: int | None
    executable: str

    @property
    def minor_version(self) -> str:
        """The version as layouts are named, "3.12"."""
        return f"{self.version[0]}.{self.version[1]}"


_FileIdentity = tuple[int, int, int, int, int]  # device, inode, size, times

# Programs without CPython, by path and where libraries are looked for: the files that were looked at.
_without: dict[tuple[str, str | None], dict[str, _FileIdentity | None]] = {}
_without_in_trees: set[tuple[tuple[int, ...], str, _FileIdentity, str | None]] = set()
_kept_open: dict[tuple[int, int], int] = {}  # descriptors, by device and inode


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A mapped file that may hold CPython."""

    mappings: tuple[process.Mapping, ...]
    path: str
    file_path: str


def find_runtime(pid: int) -> Runtime:
    """Find the CPython of a process.

    Raises InterpreterError when there is none or none that can be traced, TargetError when the process
    ended or may not be read.
    """
    executable = read_executable(pid)
    if executable is None:
        if read_mappings(pid):  # CAP_PERFMON alone opens the list, but not the link
            raise process.shut(pid, f"/proc/{pid}/exe")
        raise InterpreterError(f"pid {pid} is a kernel thread", "give the pid of a Python process")
    unreadable: ElfError | None = None
    for candidate in _list_candidates(pid):
        try:
            with open_image(candidate.file_path) as image:
                if holds_cpython(image):
                    return _describe(image, candidate, executable, who=f"pid {pid} ({executable})")
                if any(image.exported_address(name) is not None for name in _PYPY):
                    raise InterpreterError(f"pid {pid} ({executable}) runs PyPy: PyXhon traces CPython")
        except ElfError as error:
            _logger.debug("%s: %s", candidate.path, error)
            if _ORDER.search(os.path.basename(candidate.path)):
                unreadable = unreadable or error
    raise _not_python(pid, executable, unreadable)


def find_runtime_in_file(path: str, environment: Mapping[str, str] | None = None) -> Runtime:
    """Find the CPython that an executable file will run: in itself, or in a library that it needs.

    Its `base` is None. Raises InterpreterError when there is none or none that can be traced, ElfError when
    the file is no ELF file.
    """
    path = os.path.realpath(path)
    surroundings = os.environ if environment is None else environment
    if _is_known_without(path, surroundings):
        raise InterpreterError(f"{path} is not a CPython interpreter")
    looked_at = {path: _identity_of(path)}
    with open_image(path) as image:
        if holds_cpython(image):
            return _describe(image, _Candidate((), path, path), path, who=path)
        for name in sorted(image.needed, key=lambda name: "libpython" not in name):
            library = find_library(image, name, surroundings)
            if library is None:
                continue
            looked_at[library] = _identity_of(library)
            with open_image(library) as dependency:
                if holds_cpython(dependency):
                    candidate = _Candidate((), os.path.realpath(library), library)
                    return _describe(dependency, candidate, path, who=path)
    if len(_without) >= _MAX_KNOWN:
        _without.clear()
    _without[path, surroundings.get("LD_LIBRARY_PATH")] = looked_at
    raise InterpreterError(f"{path} is not a CPython interpreter")


def find_runtime_in_tree(path: str, file: int, root: TargetRoot, environment: Mapping[str, str]) -> Runtime:
    """Find the CPython that an executable of another file tree will run, as `find_runtime_in_file` does of ours.

    `path` is its path there, `file` a descriptor of it. A file that holds CPython stays open as long as we run, since
    no other name of it is sure to last.
    """
    known = root.key, path, _identity_of_status(os.fstat(file)), environment.get("LD_LIBRARY_PATH")
    if known in _without_in_trees:
        raise InterpreterError(f"{path} is not a CPython interpreter")
    with open_image(_name_of(file)) as image:
        if holds_cpython(image):
            return _describe(image, _Candidate((), path, _keep_open(file)), path, who=path)
        for name in sorted(image.needed, key=lambda name: "libpython" not in name)[:_MAX_NEEDED]:
            library = find_library(image, name, environment, (root, path))
            descriptor = None if library is None else root.open_file(library)
            if library is None or descriptor is None:
                continue
            try:
                with open_image(_name_of(descriptor)) as dependency:
                    if holds_cpython(dependency):
                        candidate = _Candidate((), root.resolve(library), _keep_open(descriptor))
                        return _describe(dependency, candidate, path, who=path)
            except ElfError as error:
                _logger.debug("%s: %s", library, error)
            finally:
                os.close(descriptor)
    if len(_without_in_trees) >= _MAX_KNOWN:
        _without_in_trees.clear()
    _without_in_trees.add(known)
    raise InterpreterError(f"{path} is not a CPython interpreter")


def _name_of(descriptor: int) -> str:
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _keep_open(descriptor: int) -> str:
    """Give a name of an open file that lasts."""
    status = os.fstat(descriptor)
    key = status.st_dev, status.st_ino
    if key not in _kept_open:
        if len(_kept_open) >= _MAX_OPEN:
            raise UnsupportedInterpreterError("there are too many interpreters in other file trees")
        _kept_open[key] = os.dup(descriptor)
    return _name_of(_kept_open[key])


def _identity_of(path: str) -> _FileIdentity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _identity_of_status(status)


def _identity_of_status(status: os.stat_result) -> _FileIdentity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_known_without(path: str, environment: Mapping[str, str]) -> bool:
    """Tell whether a program and its libraries were looked at before, are the same still, and hold no CPython."""
    looked_at = _without.get((path, environment.get("LD_LIBRARY_PATH")))
    return looked_at is not None and all(_identity_of(each) == seen is not None for each, seen in looked_at.items())


def holds_cpython(image: ElfImage) -> bool:
    """Tell whether an ELF file holds a CPython interpreter, of any version; hidden symbols count too."""
    return all(image.address_of(name) is not None for name in _CPYTHON)


def read_version(image: ElfImage) -> tuple[int, int, int] | None:
    """Read the version: `Py_Version` (3.11 and later), else the text that `Py_GetVersion` prints."""
    address = image.address_of("Py_Version")
    number = None if address is None else image.read(address, 4)
    if number is not None and number[3] == 3:  # noqa: PLR2004 major version; PY_VERSION_HEX
        return number[3], number[2], number[1]
    start = image.address_of("Py_GetVersion")
    if start is None:
        return None
    for address in referred_addresses(image, start, _MAX_CODE_BYTES):
        found = _VERSION.fullmatch(image.read_string(address, 24) or "")
        if found:
            return int(found[1]), int(found[2]), int(found[3])
    return None


def _list_candidates(pid: int) -> Iterator[_Candidate]:
    """List the files mapped executable: those named like Python first, then the others."""
    files: dict[tuple[tuple[int, int], int], list[process.Mapping]] = {}
    for mapping in read_mappings(pid):
        if mapping.inode and mapping.path is not None:
            files.setdefault((mapping.device, mapping.inode), []).append(mapping)
    groups = [group for group in files.values() if any(m.is_executable for m in group)]
    groups.sort(key=lambda group: _ORDER.search(os.path.basename(group[0].path or "")) is None)
    for group in groups:
        code = next(mapping for mapping in group if mapping.is_executable)  # the loader never splits it
        yield _Candidate(tuple(group), code.path or "", openable_path(pid, code))


def openable_path(pid: int, mapping: process.Mapping) -> str:
    """Give a path that opens the very file of a mapping here, also when deleted or in another root.

    The plain path is preferred where it is the same file: it outlives the process.
    """
    exact = f"/proc/{pid}/map_files/{mapping.start:x}-{mapping.end:x}"
    inside = f"/proc/{pid}/root{mapping.path}"
    plain = f"{read_root_path(pid)}{mapping.path}".replace("//", "/", 1)
    try:
        identity = os.stat(exact)
    except OSError:  # no CAP_SYS_ADMIN, or the mapping is gone: names must do
        return next((path for path in (plain, inside) if _has_inode(path, mapping.inode)), exact)
    try:
        return plain if os.path.samestat(identity, os.stat(plain)) else exact
    except OSError:
        return exact


def _has_inode(path: str, inode: int) -> bool:
    try:
        return os.stat(path).st_ino == inode
    except OSError:
        return False


def load_base(image: ElfImage, mappings: tuple[process.Mapping, ...]) -> int | None:
    """Give what to add to an address of the file to get its address in the process."""
    if not image.is_position_independent:
        return 0
    for mapping in mappings:
        for segment in image.code:
            start = segment.offset - segment.offset % _PAGE_BYTES
            if mapping.is_executable and start <= mapping.offset < segment.offset + segment.file_size:
                return mapping.start - (segment.address - segment.offset + mapping.offset)
    return None


def _describe(image: ElfImage, candidate: _Candidate, executable: str, who: str) -> Runtime:
    version = read_version(image)
    if version is None:
        raise InterpreterError(f"{who} runs a CPython whose version cannot be read from {candidate.path}")
    if not OLDEST <= version[:2] <= NEWEST:
        number = ".".join(map(str, version))
        remedy = "run it with one of these, or with a PyXhon that knows its version"
        raise UnsupportedInterpreterError(f"{who} runs CPython {number}: PyXhon traces 3.8 to 3.15", remedy)
    status = os.fstat(image.descriptor)
    base = load_base(image, candidate.mappings) if candidate.mappings else None
    if candidate.mappings and base is None:
        raise InterpreterError(f"{who} has mapped {candidate.path} in no way that a loader does")
    return Runtime(
        version=version,
        path=candidate.path,
        file_path=candidate.file_path,
        device=status.st_dev,
        inode=status.st_ino,
        build_id=image.build_id,
        linkage="static" if candidate.path == executable else "shared",
        is_stripped=image.is_stripped,
        is_free_threaded=_is_free_threaded(image),
        is_debug=image.exported_address("_Py_NegativeRefcount") is not None,
        is_replaced=any(mapping.is_deleted for mapping in candidate.mappings),
        base=base,
        executable=executable,
    )


def _is_free_threaded(image: ElfImage) -> bool:
    """Read `free_threaded` of `_Py_DebugOffsets` (3.13 and later); the soname says it too."""
    address = image.address_of("_PyRuntime")
    start = None if address is None else image.read(address, 24)
    if start is not None and start[:8] == _DEBUG_COOKIE:
        return start[16:24] != bytes(8)
    found = _SONAME.match(image.soname or "")
    return found is not None and "t" in found[3]


def _not_python(pid: int, executable: str, unreadable: ElfError | None) -> InterpreterError:
    if unreadable is not None:
        return InterpreterError(f"pid {pid} ({executable}): its interpreter cannot be read: {unreadable}")
    return InterpreterError(f"pid {pid} ({executable}) does not run CPython", "give the pid of a Python process")
