"""Prepares the probing of C functions by name: what is wanted, where to search, what is told of a call."""

import contextlib
import functools
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.function_records import Function, Parameters
from pyxhon.bpf.poll import Act
from pyxhon.calibrating import calibrate_entries
from pyxhon.categories import FFI_CALL
from pyxhon.cpython.command import interpreter_of_script
from pyxhon.cpython.extension_files import Start
from pyxhon.cpython.program import read_program
from pyxhon.cpython.runtime import Runtime
from pyxhon.entry_probing import EntryProbing
from pyxhon.errors import TargetError
from pyxhon.exit_calibrating import calibrate_exits
from pyxhon.foreign_calls import describe_ffi_call
from pyxhon.functions import Wanted, describe_call
from pyxhon.instruction_calibrating import prove_instructions
from pyxhon.instruction_recorder import InstructionRecorder
from pyxhon.interpreters import Interpreters
from pyxhon.ownership import Ownership
from pyxhon.policy.model import Policy
from pyxhon.policy.probed import functions_named
from pyxhon.process_images import Image
from pyxhon.python_functions import (
    UNKNOWN,
    is_python_name,
    literal_last_names,
    module_names_of,
    partial_name,
    suggest_python_name,
    wanted_patterns,
)
from pyxhon.recorder import Recorder
from pyxhon.session_options import TraceOptions
from pyxhon.target.process import read_arguments, read_environment, read_root_path, read_working_directory
from pyxhon.told_functions import ToldFunctions
from pyxhon.trace.rows import EventRow
from pyxhon.trap_price import measure_trap

_logger = logging.getLogger(__name__)
PROBED_LATE: Final = "probed_late"
NOT_PROBED: Final = "not_probed"


def wanted_functions(names: tuple[str, ...], policy: Policy | None) -> Wanted:
    """Give the functions that the user and the policy name. Raises FunctionNameError."""
    by_c = tuple(name for name in names if not is_python_name(name))
    python = wanted_patterns(names)
    if policy is None:
        return Wanted(by_c, python=python)
    named = functions_named(policy)
    return Wanted(by_c, named.names, named.patterns, named.means, python, wanted_patterns(named.python))


def entries_wanted(probes: Probes, options: TraceOptions, wanted: Wanted) -> EntryProbing:
    """Give what probes the entries of Python functions, as the user and the policy want them."""
    entries = EntryProbing(probes, options.calls, has_functions=bool(wanted.python_patterns))
    entries.last_names = literal_last_names(wanted.python_patterns)
    entries.calibrate = functools.partial(calibrate_entries, probes)
    entries.calibrate_exits = functools.partial(calibrate_exits, probes)
    if options.calls_budget is not None:
        probes.enable_run_stats()
        entries.measure_trap = functools.partial(measure_trap, probes)
    return entries


def record_instructions(
    probes: Probes, options: TraceOptions, interpreters: Interpreters, recorder: Recorder
) -> InstructionRecorder:
    """Have instructions probed and recorded, as the user wants them; after `connect`."""
    probing = interpreters.instructions
    probing.mode = options.instructions
    probing.prove = functools.partial(prove_instructions, probes)
    instructions = InstructionRecorder(recorder.store, probing, options.instruction_packages)
    instructions.limit = options.max_events
    instructions.names_of = functools.partial(_names_of, recorder.ownership)
    recorder.functions.on_instructions = instructions.take
    recorder.functions.on_forgotten = instructions.forget
    decide = recorder.on_function

    def decide_both(record: Function | Parameters, image: Image) -> None:
        decide(record, image)
        if isinstance(record, Function):
            instructions.decide(record, image)

    if options.instruction_packages:
        recorder.on_function = decide_both
    return instructions


def connect(interpreters: Interpreters, ownership: Ownership, recorder: Recorder) -> None:
    """Let calls be described, and extension modules be searched as they are loaded."""
    sites = interpreters.functions.sites
    told = ToldFunctions(interpreters.functions.wanted.python_patterns, functools.partial(_names_of, ownership))
    told.found = interpreters.entries.found

    def describe(act: Act, image: Image) -> tuple[str, Any] | None:
        if interpreters.site_kinds.get(act.site) == FFI_CALL:
            return describe_ffi_call(act, image, recorder.native.stacks if recorder.native else None)
        site = sites.get(act.site)
        return told.describe(act) if site is None else (site.name, describe_call(site, act.arguments))

    def decide(record: Function | Parameters, image: Image) -> None:
        if isinstance(record, Parameters):
            told.take_parameters(record)
        elif interpreters.entries.tellers is not None:
            told.take(record, image, interpreters.entries.tellers)

    def search(event: EventRow, root: int, path: str) -> None:
        descriptor = ownership.open_file(root, path)
        if descriptor is None:
            return
        try:
            found = interpreters.install_methods(f"/proc/self/fd/{descriptor}", path)
        finally:
            os.close(descriptor)
        if found:  # it is loaded already, and may have been called
            key = (event.process, "call", PROBED_LATE)
            recorder.extra_losses[key] = recorder.extra_losses.get(key, 0) + found
            _write_coverage(interpreters, recorder)

    recorder.describe_call = describe
    recorder.on_function = decide
    if interpreters.functions.wanted:
        ownership.on_extension = search


def _names_of(ownership: Ownership, record: Function, image: Image) -> tuple[tuple[str, ...], str]:
    """Give the names that a code object's module goes by, and that of its function."""
    file, directory, layout = record.file, image.working_directory, image.code.layout
    modules = ownership.module_names(image.root, file, directory) if file else ()
    is_main = file is not None and read_program(image.arguments).runs(file, modules, directory)
    name = record.name
    if name is not None and (layout is None or layout.code_qualname is None):  # up to 3.10
        path = os.path.join(directory or "", file) if file else None  # noqa: PTH118 - an absolute one stays itself
        whole = ownership.qualified_name(image.root, path, (record.first_line, name)) if path else None
        name = whole or partial_name(name)
    return module_names_of(file, modules, is_main=is_main), UNKNOWN if name is None else name


def probe_for_process(interpreters: Interpreters, pid: int, runtime: Runtime) -> None:
    """Probe the functions wanted in what a process has loaded and can load. Raises FunctionNameError."""
    if not interpreters.functions.wanted:
        return
    interpreters.install_extensions(pid)
    interpreters.functions.install_loadable(_start_of(pid, runtime))
    _settle(interpreters)


def probe_for_command(
    interpreters: Interpreters, command: Sequence[str], program: str, environment: Mapping[str, str]
) -> None:
    """Probe the functions wanted in what a command can load. Raises FunctionNameError."""
    if not interpreters.functions.wanted:
        return
    for runtime in interpreters.runtimes():
        executables = (program, runtime.executable, *interpreter_of_script(program, environment))
        start = Start(runtime.version, executables, command, environment, str(Path.cwd()))
        interpreters.functions.install_loadable(start)
    _settle(interpreters)


def probe_for_execution(interpreters: Interpreters, pid: int, runtime: Runtime) -> None:
    """Probe the functions wanted in what a program that has just begun can load."""
    if interpreters.functions.wanted:
        with contextlib.suppress(TargetError):
            interpreters.functions.install_loadable(_start_of(pid, runtime))


def _start_of(pid: int, runtime: Runtime) -> Start:
    command, root = read_arguments(pid), read_root_path(pid)
    return Start(
        version=runtime.version,
        executables=(runtime.executable, *command[:1]),
        command=command,
        environment=read_environment(pid),
        working_directory=read_working_directory(pid),
        root="" if root == "/" else f"/proc/{pid}/root",
    )


def _settle(interpreters: Interpreters) -> None:
    interpreters.functions.settle()
    interpreters.cover_calls()


def finish_calls(interpreters: Interpreters, recorder: Recorder) -> None:
    """Say at the end which functions were probed, and which names meant nothing to anything that was seen."""
    for name in interpreters.functions.never_found():
        hint = f"; a Python function is written {python}" if (python := suggest_python_name(name)) else ""
        _logger.warning("--function %s: no interpreter or module that was seen has such a C function%s", name, hint)
    for name in _python_names_never_found(interpreters):
        _logger.warning("--function %s: no function that ran has this name", name)
    if interpreters.functions.refused:
        recorder.extra_losses[None, "call", NOT_PROBED] = interpreters.functions.refused
    if interpreters.functions.wanted:
        _write_coverage(interpreters, recorder)


def _python_names_never_found(interpreters: Interpreters) -> list[str]:
    """Give the user's names that mean no Python function that ran; none where coverage says that none could be seen."""
    if interpreters.entries.tellers is None:
        return []
    wanted = interpreters.functions.wanted.python
    return [pattern.text for pattern in wanted if pattern.text not in interpreters.entries.found]


def _write_coverage(interpreters: Interpreters, recorder: Recorder) -> None:
    interpreters.cover_calls()
    for image in recorder.images.values():
        if image.process and image.interpreter is not None:
            recorder.store.update_process(image.process, coverage=recorder.coverage_of(image.interpreter, image.doubt))
