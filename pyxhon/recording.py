"""Strings the stages together: locate, attach, record, report. The only place that does."""

import contextlib
import functools
import logging
import os
import platform
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyxhon
from pyxhon.balance import balance_signals
from pyxhon.batches import Batches
from pyxhon.bpf.attach import Probes
from pyxhon.bpf.loading import ProbesLoading
from pyxhon.bpf.mappings import MappingReader
from pyxhon.calls_budget import counting_in_windows
from pyxhon.controls import LAUNCH_IMAGE
from pyxhon.cpython.command import find_interpreter_of_command
from pyxhon.cpython.runtime import find_runtime, find_runtime_in_file
from pyxhon.errors import ElfError, InterpreterError, TargetError, UnsupportedInterpreterError
from pyxhon.following import (
    Tracing,
    add_dlls,
    add_mapped_dll,
    count_unseen_programs,
    follow_tree,
    install_execution,
    install_libraries,
    settle,
)
from pyxhon.function_probing import (
    connect,
    entries_wanted,
    finish_calls,
    probe_for_command,
    probe_for_execution,
    probe_for_process,
    record_instructions,
    wanted_functions,
)
from pyxhon.hook_check import HookCheck
from pyxhon.instruction_recorder import InstructionRecorder
from pyxhon.interpreters import Interpreter, Interpreters
from pyxhon.launch import Child, stop_signals
from pyxhon.losses import losses_of
from pyxhon.native_recorder import NativeRecorder
from pyxhon.native_stacks import NativeStacks
from pyxhon.outputs import check_outputs
from pyxhon.ownership import Ownership
from pyxhon.probe_check import ProbeCheck
from pyxhon.process_images import Image
from pyxhon.recorder import Recorder
from pyxhon.resolve import ImageCode
from pyxhon.rules import Rules, load_rules
from pyxhon.session_options import TraceOptions
from pyxhon.target.job_control import hold_group
from pyxhon.target.process import find_process, is_ended, read_mappings, read_working_directory
from pyxhon.trace.reader import open_trace
from pyxhon.trace.store import Store
from pyxhon.watching import Watching

_logger = logging.getLogger(__name__)
_WAIT_S: Final = 0.05
_COUNT_PERIOD_S, _LONGEST_END_S = 0.5, 2.0  # a target that floods us does not keep us from ending


@contextlib.contextmanager
def _trace_path(options: TraceOptions) -> Iterator[Path]:
    """Give the place of the trace: the user's, or one that goes with the session."""
    if options.output is not None:
        yield options.output
        return
    directory = tempfile.mkdtemp(prefix="pyxhon-")
    try:
        yield Path(directory) / "trace.pyxhon"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@dataclass(slots=True)
class _Session:
    """A recording and what is shown of it."""

    tracing: Tracing
    instructions: InstructionRecorder
    probe_check: ProbeCheck
    hook_check: HookCheck
    watching: Watching
    has_events: bool = False
    last_counts_s: float = 0.0


def record_process(pid: int, options: TraceOptions, loading: ProbesLoading, *, is_reporting: bool) -> int:
    """Trace a running process; gives the exit status."""
    check_outputs(options)
    rules = load_rules(options)
    pid = find_process(pid)
    runtime = find_runtime(pid)
    with stop_signals() as stop, _trace_path(options) as path:
        with _open_session(path, options, ["attach", str(pid)], loading, rules) as session:
            session.tracing.probes.only_pid = None if options.follow else pid
            interpreter = session.tracing.interpreters.install(runtime, pid)
            if is_ended(pid):
                message = f"process {pid} ended while PyXhon attached to it"
                raise TargetError(message)
            _require_layout(interpreter)
            probe_for_process(session.tracing.interpreters, pid, runtime)
            follow_tree(session.tracing, pid)
            with session.watching.begin(path):
                deadline = None if options.duration_s is None else time.monotonic() + options.duration_s
                _record(session, lambda: stop.is_asked or _is_over(session, deadline))
                _finish(session)
        return _report(path, rules, options) if is_reporting else session.watching.exit_status


def record_command(
    command: tuple[str, ...], options: TraceOptions, loading: ProbesLoading, *, is_reporting: bool
) -> int:
    """Run a command and trace it from its first instruction; gives the exit status."""
    check_outputs(options)
    rules = load_rules(options)
    program = shutil.which(command[0])
    if program is None:
        message = f"cannot run {command[0]}: no such command"
        raise TargetError(message, "give its path")
    with stop_signals() as stop, _trace_path(options) as path:
        with _open_session(path, options, ["run", *command], loading, rules) as session:
            _install_interpreters(session, command, program)
            probe_for_command(session.tracing.interpreters, command, program, os.environ)
            session.tracing.interpreters.install_libraries(os.getpid())
            child = Child(program, command)
            session.tracing.recorder.add_image(LAUNCH_IMAGE, _launch_image(session, child.pid))
            session.tracing.probes.follow(child.pid, LAUNCH_IMAGE, None, None)
            with session.watching.begin(path, has_status=False):
                child.start()
                deadline = None if options.duration_s is None else time.monotonic() + options.duration_s
                _record(
                    session,
                    lambda: (
                        session.watching.is_over
                        or child.is_over(session.tracing.recorder, stop=stop, deadline=_due(session, deadline))
                    ),
                )
                _finish(session)
        status = _report(path, rules, options) if is_reporting else session.watching.exit_status
        if session.watching.is_over:  # what is stopped does not end
            for pid in session.watching.stopped:
                hold_group(pid)
            return status
        return child.exit_status() if options.exit_code == "command" else status


def _install_interpreters(session: _Session, command: tuple[str, ...], program: str) -> None:
    """Probe what may run the command; when the command itself is a Python that cannot be traced, say so."""
    environment = dict(os.environ)
    for path in find_interpreter_of_command(command, environment):
        is_command = path == os.path.realpath(program)
        try:
            interpreter = session.tracing.interpreters.install(find_runtime_in_file(path, environment))
            if is_command:
                _require_layout(interpreter)
        except ElfError as error:
            if is_command:
                raise ElfError(str(error), "give an intact program, or a script that names its interpreter") from None
        except (InterpreterError, TargetError) as error:
            if is_command and isinstance(error, UnsupportedInterpreterError):
                raise
            _logger.info("%s", error)


def _require_layout(interpreter: Interpreter) -> None:
    if interpreter.layout is None:
        reason = interpreter.coverage["audit"].removeprefix("unavailable: ")
        message = f"{interpreter.runtime.path} cannot be traced: {reason}"
        raise UnsupportedInterpreterError(message, "`pyxhon doctor PID` tells more")


def _launch_image(session: _Session, pid: int) -> Image:
    root = session.tracing.ownership.root_of(os.getpid())
    directory = read_working_directory(os.getpid())
    return Image(LAUNCH_IMAGE, 0, pid, ImageCode(0), root, None, [], directory, parent_pid=os.getpid())


@contextlib.contextmanager
def _open_session(
    path: Path, options: TraceOptions, command: list[str], loading: ProbesLoading, rules: Rules
) -> Iterator[_Session]:
    with Store(path) as store, loading.result() as probes:
        wanted = wanted_functions(options.functions, rules.policy)
        interpreters = Interpreters(probes, wanted, entries_wanted(probes, options, wanted))
        for interpreter in options.interpreters:
            _require_layout(interpreters.install(find_runtime_in_file(interpreter)))
        ownership = Ownership(store)
        recorder = Recorder(store, ownership, interpreters.site_signals, interpreters.site_kinds)
        recorder.functions.entries = interpreters.entries
        recorder.functions.flow.limit = options.max_events
        offset = time.time_ns() - time.monotonic_ns()
        store.set_meta(
            pyxhon=pyxhon.__version__,
            host={"kernel": platform.release(), "arch": platform.machine(), "hostname": socket.gethostname()},
            command=command,
            clock_offset_ns=offset,
            started_unix_ns=time.time_ns(),
        )
        store.commit(is_forced=True)  # killed now, we still leave a trace that can be read
        tracing = Tracing(options, store, probes, interpreters, ownership, recorder)
        recorder.on_first_event = lambda image: install_libraries(tracing, image)
        connect(interpreters, ownership, recorder)
        instructions = record_instructions(probes, options, interpreters, recorder)
        recorder.forget_act = lambda key: (probes.forget_act(key) or (0,))[0]
        recorder.on_execution = functools.partial(_begin_program, tracing)
        recorder.find_interpreter = interpreters.by_layout.get
        with _native_recorder(options, recorder, probes) as native:
            recorder.native = native
            if native is not None:
                native.stacks.on_mapped = functools.partial(add_mapped_dll, tracing)
            try:
                checks = ProbeCheck(store, recorder.pending, probes), HookCheck(store, recorder.pending, probes)
                with tracing.executions:
                    yield _Session(tracing, instructions, *checks, Watching(recorder, probes, rules, options))
            finally:
                ownership.close()


@contextlib.contextmanager
def _native_recorder(options: TraceOptions, recorder: Recorder, probes: Probes) -> Iterator[NativeRecorder | None]:
    """Give what records system calls; None where they are off."""
    if options.syscalls == "off":
        yield None
        return
    with MappingReader(lambda pid: pid in recorder.by_pid) as mappings:
        stacks = NativeStacks(recorder.store, recorder.ownership, mappings)
        stacks.on_return_place = probes.learn_return_place
        stacks.read_more = functools.partial(_hold_more, recorder, probes)
        try:
            yield NativeRecorder(recorder.store, stacks, recorder.pending, describe_native(options, probes))
        finally:
            stacks.close()


def describe_native(options: TraceOptions, probes: Probes) -> dict[str, str]:
    """Give the coverage of system calls and of what lies beneath Python."""
    rest = ", the others counted" if options.syscalls == "all" else ""
    rings = "" if probes.has_operations else "; io_uring unavailable: this kernel does not tell of its requests"
    return {
        "syscalls": f"raw tracepoints sys_enter + sys_exit{rest}{rings}",
        "native": "native stacks of system calls, uprobe dlopen",
    }


def _is_over(session: _Session, deadline: float | None) -> bool:
    due = _due(session, deadline)
    is_due = session.watching.is_over or (due is not None and time.monotonic() > due)
    return is_due or not session.tracing.recorder.live


def _due(session: _Session, deadline: float | None) -> float | None:
    """Give when tracing is to end: when the user said, or now where all that is wanted has come."""
    is_full = session.tracing.recorder.functions.flow.is_full or session.instructions.is_full
    return 0.0 if is_full else deadline


def _hold_more(recorder: Recorder, probes: Probes) -> bool:
    stacks = probes.stack_ring.read()
    recorder.take([], stacks)
    return bool(stacks)


def _record(session: _Session, is_over: Callable[[], bool]) -> None:
    with counting_in_windows(session.tracing.interpreters.entries, session.tracing.options, session.tracing.recorder):
        _take_all(session, is_over)


def _take_all(session: _Session, is_over: Callable[[], bool]) -> None:
    """Take what the probes send until it is over."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # to wake up is no reason to stop the target
    recorder, interpreters = session.tracing.recorder, session.tracing.interpreters
    # functions asked for are probed as modules are loaded, instructions refused as code is met: the sooner, the better
    is_hurried = interpreters.has_functions or interpreters.instructions.is_on or session.watching.is_reacting
    batches = Batches(session.tracing.probes, session.tracing.executions.see, is_patient=not is_hurried)
    recorder.on_pause = batches.fetch
    try:
        _take_batches(session, is_over, batches)
    finally:
        recorder.on_pause = lambda: None
    recorder.take(*batches.read(is_last=True))


def _take_batches(session: _Session, is_over: Callable[[], bool], batches: Batches) -> None:
    recorder = session.tracing.recorder
    over_s = 0.0
    while True:
        was_over = is_over()
        if was_over:  # else what they tell may come faster than it is taken
            session.tracing.interpreters.disarm()
        records, stacks = batches.read(is_last=was_over)
        recorder.take(records, stacks)
        if batches.is_idle:
            recorder.end_unseen()
        now = time.monotonic()
        if now - session.last_counts_s > _COUNT_PERIOD_S:
            recorder.note_unseen(session.tracing.probes)
            settle(session.tracing)
            count_unseen_programs(session.tracing)
            session.probe_check.look(recorder.live.values())
            session.hook_check.look(recorder.live.values())
            recorder.pending.write()
            recorder.acts.update(session.tracing.probes)
            recorder.forget_ended()
            session.tracing.ownership.release_mounts({image.root for image in recorder.live.values()}, now)
            recorder.functions.update_sometimes(recorder.images)
            session.last_counts_s = time.monotonic()
        if batches.is_idle or batches.is_late:
            session.tracing.work()
        # the first event must not wait for the next commit
        is_first = not session.has_events and recorder.totals.events > 0
        if session.tracing.store.commit(is_forced=is_first or session.watching.is_due):
            session.has_events = recorder.totals.events > 0
            session.watching.show()
        over_s = over_s or (time.monotonic() if was_over else 0.0)
        if was_over and (batches.is_idle or time.monotonic() - over_s > _LONGEST_END_S):
            return
        if not records and not (batches.is_idle and session.tracing.has_work):
            session.tracing.probes.ring.wait(_WAIT_S)


def _finish(session: _Session) -> None:
    """Write what is known only at the end: detached, so that the kernel's counts stand still."""
    recorder, store = session.tracing.recorder, session.tracing.store
    for image in recorder.images.values():
        if not image.is_ended and image.process:
            with contextlib.suppress(TargetError):
                add_dlls(session.tracing, image, read_mappings(image.pid))
    session.probe_check.look(recorder.live.values())
    session.tracing.interpreters.disarm()
    session.tracing.probes.detach()
    ended_unix_ns = time.time_ns()
    while any(batch := session.tracing.probes.read()):
        recorder.take(*batch)
    count_unseen_programs(session.tracing, is_last=True)
    recorder.extra_losses |= session.tracing.earlier.finish()
    finish_calls(session.tracing.interpreters, recorder)
    recorder.finish()
    recorder.acts.update(session.tracing.probes)
    recorder.functions.update(recorder.images)
    recorder.functions.flow.finish()
    session.instructions.finish(recorder.images)
    recorder.write_syscall_counts(session.tracing.probes)
    if recorder.native is not None:
        recorder.native.stacks.finish()
    session.tracing.ownership.finish()
    counters = session.tracing.probes.counters()
    lost = recorder.lost_acts(session.tracing.probes)
    losses = losses_of(counters) | recorder.losses() | session.instructions.losses()
    for place, count in lost.items():
        losses[place] = losses.get(place, 0) + count
    store.set_losses(losses)
    store.set_counters(balance_signals(counters, recorder, lost) + session.instructions.balance(counters))
    store.set_meta(ended_unix_ns=ended_unix_ns)
    store.commit(is_forced=True)
    session.watching.show(is_last=True)


def _begin_program(tracing: Tracing, image: Image, inode: int) -> None:
    """Probe what a process has just begun to run."""
    install_execution(tracing, image, inode)
    if image.interpreter is not None and not image.is_ended:
        probe_for_execution(tracing.interpreters, image.pid, image.interpreter.runtime)


def _report(path: Path, rules: Rules, options: TraceOptions) -> int:
    from pyxhon.reporting import report_trace  # noqa: PLC0415 - not needed before the end

    with open_trace(path) as reader:
        return report_trace(reader, rules, options)
