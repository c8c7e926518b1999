"""Takes the records of the probes, in the order they came, and writes them to the trace."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from pyxhon.act_counts import ActCounts
from pyxhon.bpf.attach import Probes
from pyxhon.bpf.code_records import CodeMemory
from pyxhon.bpf.function_records import ExitHit, FlowRun, Function, Hit, Parameters
from pyxhon.bpf.instruction_records import InstructionRun
from pyxhon.bpf.life_records import Exec, Exit, Fork
from pyxhon.bpf.native_records import NativeStack, SignalDelivery, SyscallResult, SystemCall
from pyxhon.bpf.poll import Act, Code, LineTablePart, Record, Stack, decode
from pyxhon.code_recorder import CodeRecorder
from pyxhon.events import EventFlag, Signal
from pyxhon.function_recorder import FunctionRecorder
from pyxhon.interpreters import Interpreter, no_python_coverage
from pyxhon.losses import Losses
from pyxhon.lower_bounds import describe_doubt
from pyxhon.native_recorder import NativeRecorder
from pyxhon.ownership import Ownership
from pyxhon.pending_events import PendingEvents
from pyxhon.process_images import Image, recover_name
from pyxhon.resolve import ImageCode, Resolver, SeenCode
from pyxhon.target.process import read_memory
from pyxhon.totals import Totals
from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store

_KINDS: Final = {Signal.AUDIT: "audit", Signal.IMPORT: "import", Signal.DLL_LOAD: "dll-load", Signal.CALL: "call"}
_SIGNAL_MASK, _EXIT_SHIFT, _PAUSE = 0x7F, 8, 16


class Recorder:
    """Writes records to a trace and keeps what is needed to understand the next ones."""

    def __init__(
        self, store: Store, ownership: Ownership, site_signals: dict[int, str], site_kinds: dict[int, str]
    ) -> None:
        self.store = store
        self.ownership = ownership
        self.resolver = Resolver(store)
        self.images: dict[int, Image] = {}  # those ended long ago are forgotten
        self.processes: dict[int, int] = {}  # the row of each image
        self._ended: list[Image] = []
        self._ending: list[Image] = []
        self.by_pid: dict[int, Image] = {}
        self.live: dict[int, Image] = {}
        self.totals = Totals()
        self.on_pause: Callable[[], None] = lambda: None  # called every few records
        self.on_execution: Callable[[Image, int], None] = lambda _image, _inode: None
        self.on_first_event: Callable[[Image], None] = lambda _image: None
        self.find_interpreter: Callable[[int], Interpreter | None] = lambda _layout: None
        self.describe_call: Callable[[Act, Image], tuple[str, Any] | None] = lambda _act, _image: ("?", {})
        self.on_function: Callable[[Function | Parameters, Image], None] = lambda _record, _image: None
        self.forget_act: Callable[[bytes], int] = lambda _key: 0
        self._site_signals, self._site_kinds = site_signals, site_kinds
        self.acts = ActCounts(store)
        self.codes = CodeRecorder(store)
        self.functions = FunctionRecorder(store, self.resolver, ownership)
        self.pending = PendingEvents(store)
        self.native: NativeRecorder | None = None
        self._missed: set[int] = set()  # the kernel followed them no more when it was asked last
        self.extra_losses: Losses = {}

    def add_image(self, number: int, image: Image) -> None:
        """Start to record a process image."""
        self.images[number] = image
        self.processes[number] = image.process
        self.acts.add_image(image)
        self.by_pid[image.pid] = image
        self.live[number] = image

    def take(self, records: list[bytes], stacks: Sequence[bytes] = ()) -> None:
        """Take a batch of records, and the native stacks that they name."""
        for number, content in enumerate((*stacks, *records)):
            if number % _PAUSE == 0:
                self.on_pause()
            try:
                record = decode(content)
            except (ValueError, UnicodeDecodeError):
                self.totals.malformed += 1
                continue
            self._take(record)
        self.codes.read_missing()
        self.pending.write()

    def _take(self, record: Record) -> None:
        if isinstance(record, Act):
            self._take_act(record)
        elif isinstance(record, Stack):
            self._take_stack(record)
        elif isinstance(record, Code | LineTablePart | CodeMemory):
            self._take_code(record)
        elif isinstance(record, Function | Parameters):
            self._take_function(record)
        elif isinstance(record, FlowRun | InstructionRun):
            self.functions.take_run(record, self.images)
        elif isinstance(record, Fork):
            self._take_fork(record)
        elif isinstance(record, Exec):
            self._take_exec(record)
        elif isinstance(record, Exit):
            self._take_exit(record)
        elif not isinstance(record, Hit | ExitHit):  # which only a calibration makes
            self._take_native(record)

    def _take_native(self, record: SystemCall | NativeStack | SyscallResult | SignalDelivery) -> None:
        if self.native is not None and isinstance(record, NativeStack):
            self.native.stacks.hold(record)  # its image may not be known yet
            return
        image = self.images.get(record.image)
        if image is None or self.native is None or not image.process:
            if isinstance(record, SystemCall) and record.flags & EventFlag.UNCOUNTED:
                self.totals.strays[record.signal] = self.totals.strays.get(record.signal, 0) + 1
        elif isinstance(record, SystemCall):
            self._take_call(record, image, self.native)
        elif isinstance(record, SyscallResult):
            self.native.take_result(record, image)
        elif isinstance(record, SignalDelivery):
            self.native.take_signal(record, image)

    def _take_call(self, call: SystemCall, image: Image, native: NativeRecorder) -> None:
        if call.key in self.acts and not call.flags & EventFlag.UNCOUNTED:
            return  # sent again after the ring was full: its count is in the kernel's table
        self.totals.stored[call.signal] = self.totals.stored.get(call.signal, 0) + 1
        self.totals.events += 1
        row = native.take_call(call, image)
        if not call.flags & EventFlag.UNCOUNTED:
            self.acts.add(call.key, row.id, call.image)

    def _take_act(self, act: Act) -> None:
        image = self.images.get(act.image)
        if image is None:
            if act.flags & EventFlag.UNCOUNTED:  # the others are in the kernel's table
                self.totals.strays[act.signal] = self.totals.strays.get(act.signal, 0) + 1
            return
        if act.key in self.acts and not act.flags & EventFlag.UNCOUNTED:
            return  # sent again after the ring was full: its count is in the kernel's table
        described = self._describe(act, image)
        if described is None:
            self.totals.unwanted += 1 if act.flags & EventFlag.UNCOUNTED else self.forget_act(act.key)
            return
        self.totals.stored[act.signal] = self.totals.stored.get(act.signal, 0) + 1
        self.totals.events += 1
        if act.signal == Signal.AUDIT and not image.is_audited:
            image.is_audited = True
            self.on_first_event(image)
        name, arguments = described
        row = EventRow(
            id=self.store.next_event_id(),
            process=image.process,
            tid=act.tid,
            kind=_KINDS[Signal(act.signal)],
            name=name,
            arguments=arguments,
            result=None,
            python_stack=image.code.stacks.get(act.stack),
            native_stack=None,
            count=1,
            failed=0,
            first_ns=act.time_ns,
            last_ns=act.time_ns,
            signal=self._site_signals.get(act.site, "uprobe"),
            is_truncated=bool(act.flags & (EventFlag.TRUNCATED | EventFlag.MERGED)),
        )
        self.pending.add(row)
        self.codes.see_act(act, name, row.id)
        self.ownership.see_event(image.root, image.working_directory, row)
        if not act.flags & EventFlag.UNCOUNTED:
            self.acts.add(act.key, row.id, act.image)

    def _describe(self, act: Act, image: Image) -> tuple[str, Any] | None:
        if act.signal == Signal.IMPORT:
            name, fromlist, level = [*act.arguments, None, None, None][:3]
            signed = level - (1 << 32) if isinstance(level, int) and level >> 31 else level
            # PyImport_Import gives an empty list (Python/import.c), import statements a tuple or None
            is_from_c = isinstance(fromlist, list) and not fromlist
            arguments = {"fromlist": fromlist, "level": signed, "by_c": is_from_c}
            return (name if isinstance(name, str) else "?"), arguments
        if act.signal == Signal.CALL:
            return self.describe_call(act, image)
        if act.signal == Signal.DLL_LOAD:
            path, flags = [*act.arguments, None, None][:2]
            return self._site_kinds.get(act.site, "dlopen"), {"path": path, "flags": flags}
        name = act.name
        if name is None:
            name = recover_name(image, self.ownership, act.name_address, act.base)
        if name is None:
            self.totals.names_lost += 1
            name = "?"
        return name, act.arguments

    def _take_stack(self, record: Stack) -> None:
        image = self.images.get(record.image)
        if image is None:
            return
        if image.code.layout is None:  # it was gone when it was looked at, but the probe knew
            self.set_interpreter(image, self.find_interpreter(record.layout))
        flags = (bool(record.flags & EventFlag.TRUNCATED), bool(record.flags & EventFlag.PARTIAL))
        self.resolver.add_stack(image.code, record.stack, record.frames, flags)

    def _take_code(self, record: Code | LineTablePart | CodeMemory) -> None:
        image = self.images.get(record.image)
        if isinstance(record, CodeMemory):
            self.codes.take(record, image)
            return
        if image is None:
            return
        if isinstance(record, LineTablePart):
            key = (record.code, record.fingerprint)
            self.resolver.add_line_table(image.code, key, record.offset, record.content)
            return
        seen = SeenCode(
            record.code, record.fingerprint, record.file, record.name, record.first_line, record.first_traceable,
            record.line_table, record.line_table_bytes, record.line_table_address,
        )  # fmt: skip
        self.resolver.add_code(image.code, seen)
        self.codes.expect(image, record.code, record.fingerprint)
        if record.file is not None:
            self.ownership.see_file(image.root, record.file, image.working_directory)

    def _take_function(self, record: Function | Parameters) -> None:
        image = self.images.get(record.image)
        if image is None or not image.process:
            return
        if isinstance(record, Function):
            if image.code.layout is None:
                self.set_interpreter(image, self.find_interpreter(record.layout))
            self.functions.take(record, image)
        self.on_function(record, image)

    def _take_fork(self, record: Fork) -> None:
        parent = self.images.get(record.parent_image)
        if parent is None:
            return
        if record.is_thread:
            self.store.add_thread(parent.process, record.tid, record.time_ns)
            if self.native is not None:
                self.native.take_creation(record, parent.process, record.tid)
            return
        process = self.store.add_process(
            pid=record.pid,
            parent_pid=record.parent_pid,
            parent=parent.process,
            origin="fork",
            executable=parent.executable,
            arguments=parent.arguments,
            working_directory=parent.working_directory,
            started_ns=record.time_ns,
            root=parent.root,
            interpreter=parent.interpreter.describe() if parent.interpreter else None,
            coverage=self.coverage_of(parent.interpreter, parent.doubt),
        )
        self.store.add_thread(process, record.pid, record.time_ns)
        code = ImageCode(process, parent.code.layout, functools.partial(read_memory, record.pid))
        child = Image(record.image, process, record.pid, code, parent.root, parent.executable, parent.arguments,
                      parent.working_directory, parent.interpreter, record.parent_pid,
                      account=record.account, doubt=parent.doubt)  # fmt: skip
        if record.has_parents_memory:
            child.memory = parent.memory or parent.number
        if self.native is not None:
            self.native.stacks.fork(record.parent_pid, record.pid, record.time_ns)
            self.native.take_creation(record, process, record.pid)
        self.add_image(record.image, child)  # only now: what was mapped before is of an elder process of its number

    def _take_exec(self, record: Exec) -> None:
        previous = self.images.get(record.previous_image)
        if previous is None:
            return
        process = self.store.add_process(
            pid=record.pid,
            parent_pid=previous.parent_pid,
            parent=previous.process or None,
            origin="exec" if previous.process else "run",
            executable=record.file,
            arguments=record.arguments,
            working_directory=previous.working_directory,
            started_ns=record.time_ns,
            root=previous.root,
            interpreter=None,
            coverage=self._coverage_of_program(is_shared=record.account != record.image),
        )
        self.store.add_thread(process, record.pid, record.time_ns)
        if self.native is not None:
            self.native.take_execution(record, process)
        self._end(previous, record.time_ns, None, is_execution=True)
        code = ImageCode(process, None, functools.partial(read_memory, record.pid))
        image = Image(record.image, process, record.pid, code, previous.root, record.file, record.arguments,
                      previous.working_directory, parent_pid=previous.parent_pid, is_new_program=True,
                      started_ns=record.time_ns, account=record.account)  # fmt: skip
        self.add_image(record.image, image)
        self.on_execution(image, record.inode)  # its acts may follow in this very batch

    def _take_exit(self, record: Exit) -> None:
        image = self.images.get(record.image)
        if image is None:
            return
        self.store.end_thread(image.process, record.tid, record.time_ns)
        if record.is_process:
            self._end(image, record.time_ns, record.status)

    def _end(self, image: Image, time_ns: int, status: int | None, *, is_execution: bool = False) -> None:
        image.is_ended, image.ended_ns = True, time_ns
        self.live.pop(image.number, None)
        image.code.read = None
        self.acts.end_image(image)
        self._ending.append(image)
        has_successor = is_execution or self.by_pid.get(image.pid) is not image
        if self.native is not None:
            self.native.end(image, time_ns, has_successor=has_successor)
        if not has_successor:
            del self.by_pid[image.pid]  # another process may get its number
        if not image.process:
            return
        signal = (status or 0) & _SIGNAL_MASK
        exit_code = None if status is None else 128 + signal if signal else (status >> _EXIT_SHIFT) & 0xFF
        self.store.update_process(image.process, ended_ns=time_ns, exit_code=exit_code)

    def note_unseen(self, probes: Probes) -> None:
        """Note the images that the kernel follows no more: the record of their end is under way, or was lost."""
        self._missed |= {image.number for image in self.live.values() if probes.image_of(image.pid) != image.number}

    def end_unseen(self) -> None:
        """End the images noted whose end never came; to be called when all that was sent before has been taken."""
        for image in [self.live[number] for number in self._missed if number in self.live]:
            self._end(image, time.monotonic_ns(), None)
        self._missed.clear()

    def _coverage_of_program(self, *, is_shared: bool) -> dict[str, str]:
        words = self.coverage_of(None)
        if is_shared and "syscalls" in words:
            words["syscalls"] += "; what earlier runs of it did is counted with them"
        return words

    def coverage_of(self, interpreter: Interpreter | None, doubt: str = "") -> dict[str, str]:
        """Give per signal the source in use, for a process with this interpreter or none."""
        words = dict(interpreter.coverage if interpreter else no_python_coverage())
        words["calls"] += f"; {doubt}" if doubt else ""
        return words | (self.native.coverage if self.native is not None else {})

    def set_interpreter(self, image: Image, interpreter: Interpreter | None) -> None:
        """Tell which interpreter an image runs."""
        image.interpreter = interpreter
        if interpreter is not None:
            image.code.layout = interpreter.layout
            image.doubt = describe_doubt(interpreter, image.pid, image.arguments)
            coverage = self.coverage_of(interpreter, image.doubt)
            self.store.update_process(image.process, interpreter=interpreter.describe(), coverage=coverage)

    def write_syscall_counts(self, probes: Probes) -> None:
        """Write how often system calls were made that are no events."""
        if self.native is not None:
            self.native.write_counts(probes.syscall_counts(), self.processes)

    def finish(self) -> None:
        """Write what waited, and which interpreters were silent: idle, or not seen."""
        for image in self.images.values():
            self._finish_image(image)
        self.pending.write()

    def forget_ended(self) -> None:
        """Forget the images that had ended when this was called last: all that they sent has come by now."""
        self.functions.end(self._ended, self.images)
        for image in self._ended:
            self._finish_image(image)
            self.images.pop(image.number, None)
        self._ended, self._ending = self._ending, []

    def _finish_image(self, image: Image) -> None:
        if not image.process:
            return
        self.resolver.finish(image.code)
        if image.interpreter is not None and image.interpreter.layout is not None and not image.is_audited:
            coverage = self.coverage_of(image.interpreter, image.doubt)
            silent = coverage | {"audit": f"{coverage['audit']}; it has not fired: no event while traced"}
            self.store.update_process(image.process, coverage=silent)

    def lost_acts(self, probes: Probes) -> Losses:
        """Give how often acts happened that have no event: not sent, or of a process whose start was not sent."""
        lost = self.acts.lost(probes, self.processes)
        for number, count in self.totals.strays.items():
            place = (None, Signal(number).name.lower(), "unknown_process")
            lost[place] = lost.get(place, 0) + count
        return lost

    def losses(self) -> Losses:
        """Give what got lost on this side of the ring buffer."""
        counted: Losses = {
            (None, "records", "malformed"): self.totals.malformed,
            (None, "audit", "name_lost"): self.totals.names_lost,
            (None, "stack", "unresolved"): self.resolver.losses.frames_without_code,
            (None, "stack", "line_unknown"): self.resolver.losses.line_tables_cut,
        }
        counted |= self.functions.lost() | self.codes.lost() | self.extra_losses
        if self.native is not None:
            counted |= self.native.losses()
        return {key: count for key, count in counted.items() if count}
