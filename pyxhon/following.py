"""Begins to trace processes: those there at attach with what they have got already, and programs newly run."""

import contextlib
import functools
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.cpython.runtime import Runtime, find_runtime, find_runtime_in_file
from pyxhon.cpython.snapshot import take_snapshot
from pyxhon.earlier_functions import EarlierFunctions
from pyxhon.errors import InterpreterError, PyxhonError, TargetError, UnsupportedInterpreterError
from pyxhon.executions import Executions, find_program, runtime_of
from pyxhon.interpreters import Interpreter, Interpreters
from pyxhon.lower_bounds import describe_doubt
from pyxhon.ownership import Ownership
from pyxhon.process_images import Image
from pyxhon.recorder import Recorder
from pyxhon.resolve import ImageCode
from pyxhon.session_options import TraceOptions
from pyxhon.target.address_space import classify
from pyxhon.target.mapped_files import MappingRecord
from pyxhon.target.open_files import list_open_files
from pyxhon.target.process import (
    Mapping,
    list_processes,
    page_reader,
    read_arguments,
    read_executable,
    read_mappings,
    read_memory,
    read_status,
    read_thread_ids,
    read_working_directory,
)
from pyxhon.trace.store import Store

_FILES: Final = ("file", "memfd")
_SHORTEST_NS: Final = 3_000_000  # less than any Python needs to start
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Tracing:
    """What one recording holds together.

    `settling` are images that began to run a program a moment ago, `unseen` those whose program nobody could look at.
    """

    options: TraceOptions
    store: Store
    probes: Probes
    interpreters: Interpreters
    ownership: Ownership
    recorder: Recorder
    settling: list[Image] = field(default_factory=list)
    unseen: list[Image] = field(default_factory=list)
    earlier: EarlierFunctions = field(init=False)
    executions: Executions = field(init=False)

    def __post_init__(self) -> None:
        self.executions = Executions(self.probes, self.ownership)
        parts = (self.store, self.recorder.resolver, self.ownership, self.interpreters.entries)
        self.earlier = EarlierFunctions(*parts)

    @property
    def has_work(self) -> bool:
        """Tell whether there is something to do that can wait."""
        return self.ownership.has_work or self.earlier.has_work

    def work(self) -> None:
        """Do for a moment what can wait."""
        if self.ownership.has_work:
            self.ownership.work()
        else:
            self.earlier.work()


def follow_tree(tracing: Tracing, pid: int) -> None:
    """Trace a process and, from now on, all its descendants; those already there are found until there are no more."""
    _follow(tracing, pid, None)
    if not tracing.options.follow:
        return
    found = {pid}
    while True:
        fresh = [child for child in _descendants(found) if child != os.getpid()]  # nobody follows himself
        if not fresh:
            return
        for child in fresh:
            found.add(child)
            if not tracing.probes.is_followed(child):
                with contextlib.suppress(TargetError):
                    _follow(tracing, child, tracing.recorder.by_pid.get(read_status(child).parent_pid))


def _descendants(found: set[int]) -> list[int]:
    parents = {}
    for process in list_processes():
        with contextlib.suppress(TargetError):
            parents[process] = read_status(process).parent_pid
    children = [process for process, parent in parents.items() if parent in found]
    return [child for child in children if child not in found]


def _follow(tracing: Tracing, pid: int, parent: Image | None) -> None:
    interpreter, runtime = _find_interpreter(tracing, pid)
    image = _add_image(tracing, pid, parent, interpreter)
    base = runtime.base if runtime else None
    tracing.probes.follow(pid, image.number, base, interpreter.layout_index if interpreter else None)
    if tracing.recorder.native is not None:
        tracing.recorder.native.stacks.begin(pid)
    tracing.interpreters.install_libraries(pid)
    tracing.interpreters.install_extensions(pid)
    _take_snapshot(tracing, image, base)


def _find_interpreter(tracing: Tracing, pid: int) -> tuple[Interpreter | None, Runtime | None]:
    try:
        runtime = find_runtime(pid)
    except InterpreterError as error:
        if isinstance(error, UnsupportedInterpreterError):
            _note_untraced(tracing, None, str(error))
        _logger.info("%s", error)
        return None, None
    interpreter = tracing.interpreters.install(runtime, pid)
    if interpreter.layout is None:
        _note_untraced(tracing, None, interpreter.coverage["audit"])
    return interpreter, runtime


def _note_untraced(tracing: Tracing, image: Image | None, reason: str) -> None:
    """Count a Python process of which not everything can have been seen: silence would be a clean bill."""
    _logger.warning("a Python process is not traced, or not from its start: %s", reason)
    losses, key = tracing.recorder.extra_losses, (image.process if image else None, "audit", "python_untraced")
    losses[key] = losses.get(key, 0) + 1


def _add_image(tracing: Tracing, pid: int, parent: Image | None, interpreter: Interpreter | None) -> Image:
    status = read_status(pid)
    image = Image(
        number=(time.monotonic_ns() << 8) | 0xFF,
        process=0,
        pid=pid,
        code=ImageCode(0, interpreter.layout if interpreter else None, functools.partial(read_memory, pid)),
        root=tracing.ownership.root_of(pid),
        executable=read_executable(pid),
        arguments=read_arguments(pid),
        working_directory=read_working_directory(pid),
        interpreter=interpreter,
        parent_pid=status.parent_pid,
    )
    image.doubt = describe_doubt(interpreter, pid, image.arguments)
    image.process = image.code.process = tracing.store.add_process(
        pid=pid,
        parent_pid=status.parent_pid,
        namespace_pid=status.namespace_pids[-1] if status.namespace_pids else None,
        parent=parent.process if parent else None,
        origin="attach",
        executable=image.executable,
        arguments=image.arguments,
        working_directory=image.working_directory,
        started_ns=time.monotonic_ns(),
        root=image.root,
        interpreter=interpreter.describe() if interpreter else None,
        coverage=tracing.recorder.coverage_of(interpreter, image.doubt),
    )
    tracing.recorder.add_image(image.number, image)
    return image


def _take_snapshot(tracing: Tracing, image: Image, base: int | None) -> None:
    """Write down what is there already."""
    store = tracing.store
    mappings = read_mappings(image.pid)
    add_dlls(tracing, image, mappings)
    for tid in read_thread_ids(image.pid):
        store.add_thread(image.process, tid, None)
    open_files = list_open_files(image.pid)
    store.add_open_files(image.process, [(file.fd, file.kind, file.description) for file in open_files])
    interpreter = image.interpreter
    if interpreter is None or interpreter.layout is None or interpreter.sites is None or base is None:
        return
    runtime = interpreter.sites.symbols.get("_PyRuntime")
    if runtime is None:
        return
    tracing.earlier.add(image, base + runtime)
    snapshot = take_snapshot(page_reader(image.pid), interpreter.layout, base + runtime, mappings)
    store.add_modules(image.process, [(module.name, module.file, module.is_extension) for module in snapshot.modules])
    store.add_audit_hooks(image.process, snapshot.audit_hooks)
    image.audit_hooks = snapshot.audit_hooks
    tracing.ownership.add_search_paths(image.root, list(snapshot.search_paths))
    for module in snapshot.modules:
        if module.file:
            tracing.ownership.see_file(image.root, module.file, image.working_directory)
    if snapshot.problems:
        key = (image.process, "snapshot", "unreadable")
        tracing.recorder.extra_losses[key] = len(snapshot.problems)
        _logger.info("snapshot of %d: %s", image.pid, "; ".join(snapshot.problems))


def add_dlls(tracing: Tracing, image: Image, mappings: list[Mapping]) -> None:
    """Write down the files that a process has mapped executable."""
    for mapping in mappings:
        kind, path = classify(mapping.path or "", mapping.inode)
        if mapping.is_executable and kind in _FILES:
            tracing.store.add_dll(image.process, path)
            if mapping.is_deleted:  # what is at its path now is another file, whose hash would be false
                tracing.ownership.see_file(image.root, path, None)
            else:
                tracing.ownership.see_dll(image.root, path)


def add_mapped_dll(tracing: Tracing, record: MappingRecord) -> None:
    """Write down a file that was just mapped executable: it may be unlinked or its process be gone a moment later."""
    image = tracing.recorder.by_pid.get(record.pid)
    kind, path = classify(record.path, record.inode)
    if image is not None and image.process and kind in _FILES:
        tracing.store.add_dll(image.process, path)
        if record.descriptor is not None or record.path == path:  # it is not unlinked
            tracing.ownership.see_dll(image.root, path, record.descriptor)


def install_execution(tracing: Tracing, image: Image, inode: int) -> None:
    """Probe the interpreter that a process has just begun to run; `inode` is the number of the program's file."""
    interpreter = None
    try:
        interpreter = _look_at_execution(tracing, image)
    except (TargetError, OSError):  # it ended or runs another program meanwhile
        program = find_program(image.executable, image.working_directory, inode)
        if program is not None:
            interpreter = _look_at_file(tracing, image, program)
        else:
            tracing.unseen.append(image)
    except PyxhonError as error:
        _logger.info("process %d: %s", image.pid, error)
    tracing.recorder.set_interpreter(image, interpreter)
    tracing.settling.append(image)


def count_unseen_programs(tracing: Tracing, *, is_last: bool = False) -> None:
    """Count the programs that could not be looked at, once they have run for as long as a Python needs."""
    unseen, tracing.unseen = tracing.unseen, []
    for image in unseen:
        if not image.is_ended and not is_last:
            tracing.unseen.append(image)
        elif not image.is_ended or image.ended_ns - image.started_ns >= _SHORTEST_NS:
            _note_untraced(tracing, image, f"nobody could look at {image.executable} in its own root")


def settle(tracing: Tracing) -> None:
    """Look again at programs that have had time to load their libraries: the C library, an embedded interpreter."""
    images, tracing.settling = tracing.settling, []
    for image in images:
        if image.is_ended:
            continue
        with contextlib.suppress(TargetError, OSError):
            tracing.interpreters.install_libraries(image.pid)
            if image.interpreter is None:
                with contextlib.suppress(InterpreterError):
                    runtime = find_runtime(image.pid)
                    if tracing.probes.image_of(image.pid) == image.number:  # else the next program's
                        tracing.recorder.set_interpreter(image, _install(tracing, image, runtime))


def install_libraries(tracing: Tracing, image: Image) -> None:
    """Probe the C library of a program begun by an exec, once its interpreter runs and the loader is done."""
    if image.is_new_program:
        with contextlib.suppress(TargetError):
            tracing.interpreters.install_libraries(image.pid)


def _look_at_execution(tracing: Tracing, image: Image) -> Interpreter | None:
    seen = tracing.executions.take(image.pid, image.number)
    try:
        image.root, image.executable, image.working_directory = seen.root, seen.executable, seen.working_directory
        columns = {"root": seen.root, "executable": seen.executable, "working_directory": seen.working_directory}
        tracing.store.update_process(image.process, **columns)
        return _install(tracing, image, runtime_of(seen, tracing.ownership.target_root(seen.root)))
    except UnsupportedInterpreterError as error:
        _note_untraced(tracing, image, str(error))
    except InterpreterError as error:
        _logger.debug("%s", error)
    finally:
        os.close(seen.file)
    return None


def _install(tracing: Tracing, image: Image, runtime: Runtime) -> Interpreter:
    """Probe the interpreter of a process that runs already: what it did before is lost, and said to be."""
    is_late = not tracing.interpreters.knows(runtime, image.started_ns or time.monotonic_ns())
    interpreter = tracing.interpreters.install(runtime, image.pid)
    if interpreter.layout is None:
        _note_untraced(tracing, image, interpreter.coverage["audit"])
    elif is_late:
        _note_untraced(tracing, image, f"process {image.pid} began to run {runtime.path} before it was probed")
    return interpreter


def _look_at_file(tracing: Tracing, image: Image, program: str) -> Interpreter | None:
    """Look at the program of a process that ended before it could be looked at."""
    try:
        return _install(tracing, image, find_runtime_in_file(program))
    except UnsupportedInterpreterError as error:
        _note_untraced(tracing, image, str(error))
    except PyxhonError as error:
        _logger.debug("%s", error)
    return None
