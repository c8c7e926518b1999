"""Looks at programs the moment their start is told: a short one is gone before the records in front of it are taken."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.life_records import decode_exec
from pyxhon.cpython.runtime import Runtime, find_runtime_in_file, find_runtime_in_tree
from pyxhon.errors import ElfError, TargetError
from pyxhon.events import EventKind
from pyxhon.ownership import Ownership
from pyxhon.target.elf import open_regular_file
from pyxhon.target.process import open_executable, read_environment, read_executable, read_working_directory
from pyxhon.target.root import TargetRoot, open_own_root

_EXEC: Final = EventKind.EXEC.to_bytes(2, "little")
_MOST: Final = 256
_ENVIRONMENT: Final = ("LD_LIBRARY_PATH",)
_OF_THE_READER: Final = ("/proc/", "/dev/fd/")  # what lies there is another one for each process
_LINE_BYTES: Final = 256  # BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h


@dataclass(frozen=True, slots=True)
class Execution:
    """What a program ran from; `file` is a descriptor of its file, to be closed by who takes it."""

    root: int
    executable: str
    working_directory: str | None
    environment: dict[str, str]
    file: int


class Executions:
    """Keeps what was seen of programs until their turn comes."""

    def __init__(self, probes: Probes, ownership: Ownership) -> None:
        self._probes = probes
        self._ownership = ownership
        self._seen: dict[int, Execution] = {}

    def __enter__(self) -> "Executions":
        """Give itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Give back what nobody took."""
        for execution in self._seen.values():
            os.close(execution.file)
        self._seen.clear()

    def see(self, records: Iterable[bytes]) -> None:
        """Look at the programs whose start these records tell."""
        for record in records:
            if record[:2] == _EXEC:
                if len(self._seen) >= _MOST:  # of processes whose beginning was lost
                    os.close(self._seen.pop(next(iter(self._seen))).file)
                with contextlib.suppress(TargetError, OSError, ValueError, UnicodeDecodeError):
                    told = decode_exec(record)
                    self._look(told.pid, told.image)

    def take(self, pid: int, image: int) -> Execution:
        """Give what was seen of a program, or what is to be seen now; its file belongs to the caller.

        Raises TargetError when the process ended or runs another program by now.
        """
        if image not in self._seen:
            self._look(pid, image)
        return self._seen.pop(image)

    def _look(self, pid: int, image: int) -> None:
        file = open_executable(pid)
        try:
            root = self._ownership.root_of(pid)
            directory, whole = read_working_directory(pid), read_environment(pid)
            executable = read_executable(pid)  # last: while there is one, there was an environment
        except BaseException:
            os.close(file)
            raise
        if executable is None or self._probes.image_of(pid) != image:
            os.close(file)
            message = f"process {pid} ended, or runs another program by now"
            raise TargetError(message)
        # of the environment only what tells where libraries lie: there may be a megabyte
        environment = {name: whole[name] for name in _ENVIRONMENT if name in whole}
        self._seen[image] = Execution(root, executable, directory, environment, file)


def runtime_of(execution: Execution, root: TargetRoot) -> Runtime:
    """Find the CPython that a program runs; raises as `find_runtime_in_file` does.

    Where the program is not in our own file tree, its files are opened in its own, and stay open where they hold one.
    """
    path, environment = execution.executable, execution.environment
    if _is_ours(path, execution.file, root):
        return find_runtime_in_file(path, environment)
    return find_runtime_in_tree(path, execution.file, root, environment)


def find_program(path: str | None, working_directory: str | None, inode: int) -> str | None:
    """Give the path of a program that is gone where it was a file of our own tree, itself or named by a "#!" line.

    None where the file that ran is another one: another tree's, or since replaced.
    """
    if path is None or "\0" in path or path.startswith(_OF_THE_READER):
        return None
    named = str(Path(working_directory or "/") / path)
    if _number_of(named) == inode:
        return named
    try:
        descriptor = open_regular_file(named)
    except ElfError:
        return None
    try:
        start = os.read(descriptor, _LINE_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    words = start.partition(b"\n")[0].removeprefix(b"#!").split() if start.startswith(b"#!") else []
    program = os.fsdecode(words[0]) if words else ""
    return program if program.startswith("/") and _number_of(program) == inode else None


def _number_of(path: str) -> int | None:
    try:
        return Path(path).stat().st_ino
    except (OSError, ValueError):
        return None


def _is_ours(path: str, file: int, root: TargetRoot) -> bool:
    with open_own_root() as own:
        if own.key != root.key:
            return False
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(file))
    except OSError:
        return False
