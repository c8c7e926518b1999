"""The Python stack of every thread of a live process, read from outside as the probes read it in the kernel.

A thread that does not run has the stack that is read; one that runs may change it under the reader: whoever asks must
know which. All is bounded, nothing read is believed.
"""

from dataclasses import dataclass, field

from pyxhon.cpython.code import LineTable, instruction_offset, is_frame_started, read_line_table
from pyxhon.cpython.objects import CodeObject, Memory, follow, read_code

MAX_FRAMES = 4096
"""The most frames of one thread that are read."""

_MAX_INTERPRETERS = 256
_MAX_THREADS = 1 << 16
_MAX_CODES = 1 << 14
_CODE_TAG = 3  # the low bits of a _PyStackRef (3.14)
_INSTRUCTION_MASK = 0xFFFFFFFF
_POINTER = 8


@dataclass(frozen=True, slots=True)
class PythonFrame:
    """One Python call; None is what cannot be read, or an instruction without a line.

    `is_entry`: C entered the interpreter for it. `is_shown`: Python itself would show it; from 3.11 on it hides a
    frame that still sets itself up.
    """

    file: str | None
    function: str | None
    line: int | None
    is_entry: bool
    is_shown: bool


@dataclass(frozen=True, slots=True)
class PythonStack:
    """The frames of one thread state, innermost first; `is_whole` when all of them could be read."""

    frames: tuple[PythonFrame, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class ThreadState:
    """Where a thread state lies, the thread it belongs to as pthread_self() gives it, and its interpreter."""

    address: int
    thread_id: int
    interpreter: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame as it lies in memory; `is_shim`: no Python frame, but where C entered the interpreter."""

    code: int
    walked: int
    owner: int | None
    is_entry: bool
    is_shim: bool


@dataclass(slots=True)
class StackReader:
    """Reads the stacks of one process, looking at each code object once as long as it stays the same."""

    memory: Memory
    runtime_address: int
    _codes: dict[tuple[int, bytes], tuple[CodeObject, LineTable] | None] = field(default_factory=dict)

    def thread_states(self) -> list[ThreadState]:
        """List the thread states, those of inner interpreters before those of the main one."""
        memory, layout = self.memory, self.memory.layout
        states = []
        interpreters = self.runtime_address + layout.runtime_interpreters_head
        for interpreter in follow(memory, interpreters, layout.interpreter_next, _MAX_INTERPRETERS):
            number = memory.signed_word(interpreter + layout.interpreter_id)
            threads = interpreter + layout.interpreter_threads_head
            for state in follow(memory, threads, layout.thread_state_next, _MAX_THREADS):
                if number is None or memory.pointer(state + layout.thread_state_interpreter) != interpreter:
                    break  # not what we take it for
                thread_id = memory.pointer(state + layout.thread_state_thread_id)
                if thread_id:  # 0: no thread has taken it yet
                    states.append(ThreadState(state, thread_id, number))
        return sorted(states, key=lambda state: -state.interpreter)

    def read(self, state: ThreadState) -> PythonStack:
        """Read the stack of a thread state."""
        found, is_whole = self._walk(state)
        frames = tuple(
            self._describe(frame, is_entry=self._is_entry(frame, caller))
            for frame, caller in zip(found, [*found[1:], None], strict=False)
            if not frame.is_shim
        )
        return PythonStack(frames, is_whole)

    def read_codes(self, state: ThreadState) -> list[int]:
        """Give where the code objects of its frames lie, innermost first, nothing about them being read."""
        found, _ = self._walk(state)
        return [frame.code for frame in found if not frame.is_shim]

    def _walk(self, state: ThreadState) -> tuple[list[_Frame], bool]:
        """Give the frames as they lie in memory, and whether the last of them was reached."""
        found: list[_Frame] = []
        seen: set[int] = set()
        address = self._first_frame(state.address)
        while address and address not in seen and len(seen) < MAX_FRAMES:
            seen.add(address)
            block = self.memory.block(address + self.memory.layout.frame_block_start, self._block_size)
            if block is None:
                break
            found.append(self._parse(block))
            address = self._field(block, self.memory.layout.frame_previous, _POINTER)
        return found, address == 0

    @property
    def _block_size(self) -> int:
        return self.memory.layout.frame_block_size

    def _first_frame(self, state: int) -> int | None:
        layout = self.memory.layout
        if layout.thread_state_frame is not None:
            return self.memory.pointer(state + layout.thread_state_frame)
        if layout.thread_state_cframe is None or layout.cframe_current_frame is None:
            return None
        cframe = self.memory.pointer(state + layout.thread_state_cframe)
        return self.memory.pointer(cframe + layout.cframe_current_frame) if cframe else cframe

    def _parse(self, block: bytes) -> _Frame:
        layout = self.memory.layout
        code = self._field(block, layout.frame_code, _POINTER) & ~_CODE_TAG
        walked = self._field(block, layout.frame_instruction, layout.frame_instruction_size)
        if layout.code_bytecode is not None:
            walked = walked - code - layout.code_bytecode & _INSTRUCTION_MASK
        owner = None if layout.frame_owner is None else self._field(block, layout.frame_owner, 1)
        skip_from = layout.frame_owner_skip_from
        is_shim = owner is not None and skip_from is not None and owner >= skip_from
        is_entry = layout.frame_is_entry is not None and self._field(block, layout.frame_is_entry, 1) != 0
        return _Frame(code, walked, owner, is_entry, is_shim)

    def _field(self, block: bytes, offset: int, size: int) -> int:
        start = offset - self.memory.layout.frame_block_start
        return int.from_bytes(block[start : start + size], "little")

    def _is_entry(self, frame: _Frame, caller: _Frame | None) -> bool:
        layout = self.memory.layout
        if caller is None or layout.has_frames_of_c:
            return True
        return frame.is_entry if layout.frame_is_entry is not None else caller.is_shim

    def _describe(self, frame: _Frame, *, is_entry: bool) -> PythonFrame:
        found = self._code(frame.code)
        if found is None:
            return PythonFrame(None, None, None, is_entry, is_shown=True)
        code, lines = found
        offset = instruction_offset(self.memory.layout, frame.walked)
        is_shown = is_frame_started(self.memory.layout, offset, code.first_traceable, frame.owner)
        return PythonFrame(code.filename, code.qualified_name, lines.line_of(offset), is_entry, is_shown)

    def _code(self, address: int) -> tuple[CodeObject, LineTable] | None:
        layout = self.memory.layout
        pointers = self.memory.block(address + layout.code_block_start, layout.code_block_size)
        if pointers is None:
            return None
        key = (address, pointers)
        if key not in self._codes:
            if len(self._codes) >= _MAX_CODES:
                self._codes.clear()
            code = read_code(self.memory, address)
            table = None if code is None else read_line_table(layout.version, code.first_line, code.line_table or b"")
            self._codes[key] = None if code is None or table is None else (code, table)
        return self._codes[key]
