"""The dump of one process: its interpreter found, its threads captured, their stacks unwound and mixed."""

import functools
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

from pyxhon.bpf.threads import ThreadReader, ThreadState
from pyxhon.cpython.eval_loop import EvalLoops
from pyxhon.cpython.layout import apply_debug_offsets, load_layout
from pyxhon.cpython.objects import Memory
from pyxhon.cpython.runtime import Runtime, find_runtime
from pyxhon.cpython.stacks import StackReader
from pyxhon.dump.capture import Capture, Captured
from pyxhon.dump.mixing import mix, python_only
from pyxhon.dump.model import Dump, DumpedThread, Frame
from pyxhon.errors import ElfError, InterpreterError, TargetError
from pyxhon.target.address_space import AddressSpace, NativeObjects, read_address_space
from pyxhon.target.elf import open_image
from pyxhon.target.images import Images
from pyxhon.target.native_frames import NativeFrame, Unwound
from pyxhon.target.process import read_arguments, read_executable, read_mappings, read_memory, read_proc
from pyxhon.target.steps_cache import load_steps, save_steps
from pyxhon.target.system_calls.numbers import describe
from pyxhon.target.unwind import Unwinder

_DEBUG_OFFSETS_BYTES: Final = 4096
_MAX_TEXT_BYTES: Final = 4096
_WORD_BYTES: Final = 8
_RAX: Final = 0  # in DWARF's order
_CLONES: Final = ("clone", "clone3")
_FLAGS_FIELD, _KERNEL_THREAD = 6, 0x00200000  # of /proc/PID/stat, counted after the name; PF_KTHREAD
_STATES: Final = {
    "R": "running",
    "S": "sleeping",
    "D": "waiting for a device",
    "T": "stopped",
    "t": "stopped by a tracer",
    "Z": "ended",
    "X": "ended",
    "I": "idle",
}
_ALWAYS_RAN: Final = "it ran all the time: Python frames as they were read meanwhile, no native ones"
_ENDINGS: Final = {
    "stack_end": "the stack goes on beyond what was copied",
    "limit": "the stack has more frames than are unwound",
    "no_code": "a return address leads to memory without code",
    "no_cfi": "code without unwind tables, and nothing to guess by",
    "bad_cfi": "damaged unwind tables",
    "loop": "the stack runs in a circle",
}


@dataclass(frozen=True, slots=True)
class _Python:
    """The interpreter of the process, as far as it is needed."""

    runtime: Runtime
    stacks: StackReader


@dataclass(frozen=True, slots=True)
class _Code:
    """What code lies where, and how to find callers in it."""

    pid: int
    threads: ThreadReader
    space: AddressSpace
    unwinder: Unwinder
    loops: EvalLoops
    interpreter: str | None

    def is_eval(self, frame: NativeFrame) -> bool:
        """Tell whether a frame runs Python frames."""
        is_interpreter = frame.object is not None and frame.object.path == self.interpreter
        return is_interpreter and self.loops.is_eval(frame)

    def unwind(self, state: ThreadState, stack: bytes) -> Unwound:
        """Unwind a thread; a signal handler's own stack leads to another one, read while the thread still waits."""
        registers = state.registers or ()
        found = self.unwinder.unwind(self.space, registers, stack)
        if found.end_reason != "stack_end":
            return found
        further = self.unwinder.unwind(self.space, registers, stack, self._word)
        return further if self.threads.read(self.pid).get(state.tid) == state else found

    def _word(self, address: int) -> int | None:
        content = read_memory(self.pid, address, _WORD_BYTES)
        return None if content is None else int.from_bytes(content, "little")


def take_dump(pid: int) -> Dump:
    """Dump a process. Raises TargetError when it is not there or may not be read, KernelError without BPF."""
    executable = read_executable(pid)
    if executable is None and not read_mappings(pid):
        if _is_kernel_thread(pid):
            raise TargetError(f"process {pid} is a kernel thread", "give the pid of a process")
        raise TargetError(f"process {pid} ended")
    notes: list[str] = []
    python = _find_python(pid, notes)
    with ThreadReader() as threads, Images(recall=load_steps) as images:
        captured = Capture(pid, threads, python.stacks if python else None).take()
        space = read_address_space(pid, NativeObjects(images))
        code = _Code(pid, threads, space, Unwinder(), EvalLoops(), python.runtime.path if python else None)
        dumped = tuple(_finish(code, thread) for thread in captured)
        save_steps(images.codes)
    version = ".".join(map(str, python.runtime.version)) if python else ""
    return Dump(
        pid=pid,
        executable=executable,
        arguments=tuple(read_arguments(pid)),
        interpreter=(version, python.runtime.path) if python else None,
        taken=datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        threads=dumped,
        notes=tuple(notes),
    )


def _find_python(pid: int, notes: list[str]) -> _Python | None:
    try:
        runtime = find_runtime(pid)
        with open_image(runtime.file_path) as image:
            address = image.address_of("_PyRuntime")
    except (InterpreterError, ElfError) as error:
        notes.append(f"native frames only: {error}")
        return None
    version = ".".join(map(str, runtime.version))
    layout = load_layout(version, is_free_threaded=runtime.is_free_threaded)
    if layout is None or runtime.base is None or address is None:
        kind = " free-threaded" if runtime.is_free_threaded else ""
        notes.append(f"native frames only: no layout for this{kind} CPython {version}")
        return None
    read = functools.partial(read_memory, pid)
    raw = read(runtime.base + address, _DEBUG_OFFSETS_BYTES) if layout.debug_offsets else None
    if raw is not None:
        layout, disagreements = apply_debug_offsets(layout, raw)
        notes.extend(disagreements)
    return _Python(runtime, StackReader(Memory(read, layout), runtime.base + address))


def _finish(code: _Code, captured: Captured) -> DumpedThread:
    frames, problem = _frames(code, captured)
    number = captured.state.system_call if captured.state else None
    return DumpedThread(
        tid=captured.tid,
        name=_thread_name(code.pid, captured.tid),
        state=_thread_state(code.pid, captured.tid),
        system_call=None if number is None else describe(number),
        is_stable=captured.is_stable,
        problem=problem,
        frames=frames,
    )


def _frames(code: _Code, captured: Captured) -> tuple[tuple[Frame, ...], str | None]:
    state = captured.state
    if state is None or state.registers is None:
        return python_only(captured.python, is_guessed=True), _ALWAYS_RAN
    unwound = code.unwind(state, captured.stack)
    problem = None if _has_just_begun(state, unwound) else _ENDINGS.get(unwound.end_reason)
    if problem is None and not all(stack.is_whole for stack in captured.python):
        problem = "not all Python frames could be read"
    is_whole = unwound.end_reason == "bottom"
    return mix(unwound.frames, captured.python, code.is_eval, is_whole=is_whole), problem


def _has_just_begun(state: ThreadState, unwound: Unwound) -> bool:
    """Tell whether this is the child's side of a clone: its stack is empty, and the wrapper has no unwind tables."""
    registers = state.registers or (None,)
    is_child = registers[_RAX] == 0 and state.system_call is not None and describe(state.system_call) in _CLONES
    return is_child and len(unwound.frames) == 1


def _thread_name(pid: int, tid: int) -> str:
    try:
        return read_proc(pid, f"task/{tid}/comm", _MAX_TEXT_BYTES).decode("utf-8", "replace").removesuffix("\n")
    except TargetError:
        return ""


def _thread_state(pid: int, tid: int) -> str:
    try:
        return _STATES.get(_stat_fields(pid, f"task/{tid}/stat")[0], "unknown")
    except TargetError:
        return "ended"


def _is_kernel_thread(pid: int) -> bool:
    return bool(int(_stat_fields(pid, "stat")[_FLAGS_FIELD]) & _KERNEL_THREAD)


def _stat_fields(pid: int, name: str) -> list[str]:
    """Give the fields of a stat file after the name of the thread."""
    text = read_proc(pid, name, _MAX_TEXT_BYTES)
    return text[text.rindex(b")") + 1 :].decode("ascii").split()
