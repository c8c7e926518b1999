"""Has the target's interpreter run a workload that knows each of its own entries: what calibration compares with."""

import contextlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pyxhon.cpython.calibration import Entry, Phase
from pyxhon.cpython.runtime import Runtime, find_runtime
from pyxhon.errors import CalibrationError, PyxhonError, TargetError
from pyxhon.target.alike import AlikeProcess, Program, started_alike
from pyxhon.target.process import read_environment, read_root_path

_PARTS: Final = ("calls", "objects", "generators", "instructions", "answers")
_FLAGS: Final = ("-s", "-S", "-B", "-X", "utf8", "-c")
# Without these an interpreter may find neither its shared library nor its standard library.
_KEPT_VARIABLES: Final = ("LD_LIBRARY_PATH", "PYTHONHOME")
_MAX_VARIABLE: Final = 4096
_SET_VARIABLES: Final = {"PYTHONHASHSEED": "0", "PYTHON_JIT": "0"}
_INTERPRETER: Final = re.compile(r"python[0-9.]*[a-z]*")
_NAME: Final = re.compile(r"([\w.<>]{1,100})=([1-9]\d{0,18})", re.ASCII)
_SEEN: Final = re.compile(r"([1-9]\d{0,18}):([012])", re.ASCII)
_EXECUTED: Final = re.compile(r"([1-9]\d{0,18}):((?:\d{1,6},){0,20000}\d{1,6})", re.ASCII)
_OBSERVERS: Final = ("see_instructions", "see_instruction", "trace_instructions")
_INLINED: Final = ("<listcomp>", "<setcomp>", "<dictcomp>")  # no functions of their own from 3.12 on
_MAX_WORDS: Final = 20_000
_COMMANDS: Final[Mapping[Phase, str]] = {"plain": "plain", "traced": "traced", "untraced": "plain"}


class Workload:
    """The interpreter that runs the workload, waiting to be told how."""

    def __init__(self, process: AlikeProcess, version: tuple[int, ...]) -> None:
        self.pid = process.pid
        self._process = process
        self._has_thrown_entries = version[:2] <= (3, 10)
        self._codes: dict[str, int] = {}
        self.thrown: Counter[int] = Counter()  # in the last run, into generators, by their code objects

    def names(self) -> Mapping[int, str]:
        """Give the workload's functions by the addresses of their code objects. Raises CalibrationError."""
        if not self._codes:
            for word in self._ask("names"):
                found = _NAME.fullmatch(word)
                if found is None:
                    raise CalibrationError(f"the calibration's workload answers {_shown(word)}")
                self._codes[found[1]] = int(found[2])
        return {code: name for name, code in self._codes.items()}

    def run(self, phase: Phase, *, has_thrown: bool = False) -> tuple[Entry, ...]:
        """Run the workload, and give the entries that it made. Raises CalibrationError.

        With `has_thrown`, exceptions thrown into generators are among them up to 3.10, as a profile function sees it.

        "plain" must come before "traced", and an "untraced" run belongs between two traced ones.
        """
        self.names()
        words = self._ask(_COMMANDS[phase])
        self.thrown = Counter(self._codes.get(word[:-1], 0) for word in words if word[-1] in "!?")
        entries = (self._entry_said(word, has_thrown=has_thrown) for word in words)
        return tuple(entry for entry in entries if entry is not None)

    def run_under_oracle(self) -> tuple[Entry, ...]:
        """Run it while the interpreter itself tells of entries; exceptions thrown from 3.11 on are left out.

        Raises CalibrationError.
        """
        names = self.names()
        seen = [_SEEN.fullmatch(word) for word in self._ask("oracle")]
        if None in seen:
            raise CalibrationError("the calibration's oracle answers what is no entry")
        told = [(int(found[1]), int(found[2])) for found in seen if found is not None]
        return tuple(Entry(code, kind == 1) for code, kind in told if code in names and kind <= 1)

    def execute(self) -> None:
        """Run the code whose instructions are known. Raises CalibrationError."""
        self._ask("instructions")

    def see_instructions(self) -> list[tuple[int, int]]:
        """Run it again while the interpreter tells of it: (code object, offset) of each. Raises CalibrationError."""
        names, seen = self.names(), []
        for word in self._ask("see them"):
            found = _EXECUTED.fullmatch(word)
            if found is None:
                raise CalibrationError("the calibration's oracle answers what are no instructions")
            code = int(found[1])
            if names.get(code, _OBSERVERS[0]) not in _OBSERVERS:
                seen += [(code, int(offset)) for offset in found[2].split(",")]
        return seen

    def _ask(self, command: str) -> list[str]:
        try:
            words = self._process.ask(command).split()
        except TargetError as error:
            raise CalibrationError(f"the calibration's workload did not run: {error}") from None
        if not 0 < len(words) <= _MAX_WORDS:
            raise CalibrationError(f"the calibration's workload answers {len(words)} words")
        return words

    def _entry_said(self, word: str, *, has_thrown: bool) -> Entry | None:
        """Translate one word; None for what is no entry in this version."""
        name = word.rstrip("+!?")
        mark = word[len(name) :]
        if mark in ("!", "?") and not (has_thrown and self._has_thrown_entries):
            return None
        code = self._codes.get(name)
        if code is None and name.endswith(_INLINED):
            return None
        if code is None or len(mark) > 1:
            raise CalibrationError(f"the calibration's workload answers {_shown(word)}")
        return Entry(code, mark in ("+", "!"))


@contextlib.contextmanager
def started_workload(runtime: Runtime, pid: int | None, deadline_s: float = 10.0) -> Iterator[Workload]:
    """Start the interpreter of a process, or one found from its file alone, on the workload.

    It runs like that process: same file, root, namespaces and user; or as we do where `is_ours_alone`. Raises
    CalibrationError when it does not start, or starts with another library than the process has.
    """
    require_interpreter(runtime)
    with contextlib.ExitStack() as stack:
        try:
            process = stack.enter_context(started_alike(_program(runtime, pid), deadline_s))
        except TargetError as error:
            raise CalibrationError(str(error)) from None
        workload = Workload(process, runtime.version)
        workload.names()
        _require_same(runtime, workload.pid)
        yield workload


def require_interpreter(runtime: Runtime) -> None:
    """Raise CalibrationError for a program that has CPython built in: nobody knows what else it does when started."""
    if _INTERPRETER.fullmatch(os.path.basename(runtime.executable)) is None:
        message = f"{runtime.executable} has CPython built in and is no interpreter that could be calibrated"
        raise CalibrationError(message)


def workload_text() -> str:
    """Give the program that the interpreter runs."""
    folder = Path(__file__).with_name("calibration_workload")
    return "\n".join((folder / f"{part}.py").read_text(encoding="utf-8") for part in _PARTS)


def is_ours_alone(runtime: Runtime, pid: int | None) -> bool:
    """Tell whether nobody but us decides what runs when the interpreter is started.

    Its files are in our own root and only root (or we) can change them, or their folders, and the process has no
    variables that would lead to others. Only what such a run tells may be believed of other processes.
    """
    if pid is not None and (_kept_variables(pid) or not _has_our_files(runtime, pid)):
        return False
    return all(_is_ours(path) for path in (runtime.executable, runtime.path))


def _program(runtime: Runtime, pid: int | None) -> Program:
    variables = _kept_variables(os.getpid() if pid is None else pid)
    model = None if is_ours_alone(runtime, pid) else pid
    return Program(model, runtime.executable, (*_FLAGS, workload_text()), {**variables, **_SET_VARIABLES})


def _kept_variables(pid: int) -> dict[str, str]:
    found = read_environment(pid)
    return {name: found[name] for name in _KEPT_VARIABLES if 0 < len(found.get(name, "")) <= _MAX_VARIABLE}


def _has_our_files(runtime: Runtime, pid: int) -> bool:
    try:
        is_our_namespace = os.path.samestat(os.stat(f"/proc/{pid}/ns/mnt"), os.stat("/proc/self/ns/mnt"))
        is_that_executable = os.path.samestat(os.stat(f"/proc/{pid}/exe"), os.stat(runtime.executable))
    except OSError:
        return False
    return is_our_namespace and is_that_executable and read_root_path(pid) == "/"


def _is_ours(path: str) -> bool:
    """Tell whether only root or we can change a file, its name, or the way to it."""
    parts = os.path.realpath(path).split("/")
    for count in range(1, len(parts) + 1):
        try:
            status = os.lstat("/".join(parts[:count]) or "/")
        except OSError:
            return False
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return False
    return True


def _require_same(runtime: Runtime, pid: int) -> None:
    try:
        other = find_runtime(pid)
    except PyxhonError as error:
        raise CalibrationError(f"the interpreter that was started cannot be looked at: {error}") from None
    if (other.device, other.inode) != (runtime.device, runtime.inode):
        raise CalibrationError(f"{runtime.executable} starts with {other.path}, which is not the target's interpreter")


def _shown(word: str) -> str:
    return ascii(word[:60])
