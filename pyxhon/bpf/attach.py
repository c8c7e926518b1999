"""Loads the probes into the kernel, attaches them to sites, and gives what the kernel counted."""

import contextlib
import errno
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Final

from pyxhon import wire
from pyxhon.bpf import btf, syscalls
from pyxhon.bpf.compiled import CompiledProbes, MapShape, compile_both, compiled_probes
from pyxhon.bpf.operations import operation_places, operation_rules
from pyxhon.bpf.ring import RingReader
from pyxhon.controls import (
    ABSENT,
    MAX_LAYOUTS,
    MAX_SITES,
    KernelLayout,
    ReturnPlace,
    Settings,
    Site,
    SiteKind,
    SyscallRule,
    TracedProcess,
)
from pyxhon.errors import KernelError
from pyxhon.events import ActCount, ActKey, Counter, Signal

_UPROBE, _RAW_TRACEPOINT = 2, 17  # enum bpf_prog_type: BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_RAW_TRACEPOINT
_SLEEPABLE: Final = 1 << 4  # BPF_F_SLEEPABLE
_TRACEPOINTS: Final = {
    "on_fork": "sched_process_fork",
    "on_exec": "sched_process_exec",
    "on_exit": "sched_process_exit",
}
_SYSCALL_TRACEPOINTS: Final = {"on_sys_exit": "sys_exit", "on_sys_enter": "sys_enter", "on_signal": "signal_deliver"}
_OPERATION_TRACEPOINTS: Final = {"on_operation": "io_uring_submit_req", "on_ring": "io_uring_create"}
# Linux 6.3 gave it its name; before 6.0, where no probe may sleep, its arguments were others.
_FORMER_NAMES: Final = {"io_uring_submit_req": "io_uring_submit_sqe"}
_FIRST_PID_NAMESPACE: Final = 0xEFFFFFFC  # include/linux/proc_ns.h, PROC_PID_INIT_INO
_WAKEUP_MASK: Final = 63
_LARGE_BUFFER_BYTES: Final = 1 << 20
_COUNTERS_PER_SIGNAL: Final = 32
_ONE_WORD: Final = MapShape(2, 4, 8, 1, 0)  # enum bpf_map_type: BPF_MAP_TYPE_ARRAY
_REMEDIES: Final = {
    errno.EPERM: "PyXhon needs root with CAP_BPF and CAP_PERFMON, in a container --privileged",
    errno.ENOSYS: "a kernel with CONFIG_BPF_SYSCALL is needed, in a container a seccomp profile that allows bpf",
    errno.ENOMEM: "choose a smaller --buffer",
}
_KEY = wire.format_of(ActKey)
_PAIR: Final = struct.Struct("<QQ")
_WORD: Final = struct.Struct("<Q")
_FIRST: Final = bytes(4)
_COUNT = wire.format_of(ActCount)


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """How a run wants its probes."""

    buffer_bytes: int
    stack_buffer_bytes: int
    is_aggregating: bool
    is_following: bool
    syscall_rules: Mapping[int, SyscallRule] = field(default_factory=dict)  # by number; none: they are not taken


class Probes:
    """The loaded probes of one run; everything is undone when it is closed, also by the kernel if we are killed."""

    def __init__(self, options: ProbeOptions) -> None:
        self._descriptors: list[int] = []
        self._links: list[int] = []
        self._maps: dict[str, int] = {}
        self._shapes: dict[str, MapShape] = {}
        self._layouts: list[bytes] = []
        self._site_count = 0
        self._given_back: tuple[list[bytes], list[bytes]] = [], []
        self._method_program: int | None = None
        self.only_pid: int | None = None  # the process that probes are put into; None: all that map the file
        self.is_sleepable = True
        self.has_operations = False
        try:
            self._load(options)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Probes":
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Detach."""
        self.close()

    def close(self) -> None:
        """Detach all probes and free their memory."""
        self.detach()
        for name in ("ring", "stack_ring"):
            if hasattr(self, name):
                getattr(self, name).__exit__(None, None, None)
                delattr(self, name)
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def detach(self) -> None:
        """Take the probes out of all processes; what they counted stays readable until `close`."""
        syscalls.close_all(self._links)
        self._links.clear()

    def _load(self, options: ProbeOptions) -> None:
        offsets = btf.kernel_offsets()
        os.close(_create_map(_ONE_WORD, "check"))  # else compiling fails, and says less
        self._uprobes, tracepoints = compile_both()
        self._ring_bytes = {"ring": options.buffer_bytes, "stack_ring": options.stack_buffer_bytes}
        self._create_maps(tracepoints)
        settings = Settings(
            seed=int.from_bytes(os.urandom(8), "little"),
            aggregate=int(options.is_aggregating),
            follow=int(options.is_following),
            reserved=0,
            wakeup_mask=_WAKEUP_MASK if options.buffer_bytes >= _LARGE_BUFFER_BYTES else 0,
            **_pid_namespace(),
            **offsets,
        )
        self._set("settings", 0, settings)
        self.seed = settings.seed
        self._set_all("syscall_rules", options.syscall_rules)
        names = _TRACEPOINTS | (self._prepare_operations() if options.syscall_rules else {})
        with ThreadPoolExecutor(max_workers=2) as pool:  # the verifier takes its time with either
            loaded = pool.submit(self._load_tracepoints, tracepoints, names)
            self._program = self._load_site_program()
            for name, program in loaded.result().items():
                self._attach_tracepoint(program, names[name])
        self.ring = RingReader(self._maps["ring"], options.buffer_bytes)
        self.stack_ring = RingReader(self._maps["stack_ring"], options.stack_buffer_bytes)
        self._make_room()

    def _prepare_operations(self) -> dict[str, str]:
        """Tell the probes about io_uring, where this kernel has it; gives the tracepoints of system calls."""
        offsets = btf.optional_offsets()
        places = operation_places(offsets)
        if places is None:
            return _SYSCALL_TRACEPOINTS
        self._set("operation_places", 0, places)
        self._set_all("operation_rules", operation_rules(offsets))
        return _SYSCALL_TRACEPOINTS | _OPERATION_TRACEPOINTS

    def _load_site_program(self) -> int:
        try:
            return self._load_program(self._uprobes, "on_site", _UPROBE, _SLEEPABLE)
        except KernelError:  # before Linux 6.0: plain reads, what they miss is counted
            self.is_sleepable = False
            self._uprobes = compiled_probes("plain")
            return self._load_program(self._uprobes, "on_site", _UPROBE, 0)

    def _attach_tracepoint(self, program: int, name: str) -> None:
        is_optional = name in _OPERATION_TRACEPOINTS.values()
        choices = (name, _FORMER_NAMES[name]) if name in _FORMER_NAMES and self.is_sleepable else (name,)
        for choice in choices:
            try:
                self._links.append(syscalls.attach_raw_tracepoint(program, choice))
            except OSError:
                if not is_optional and choice == choices[-1]:
                    raise
            else:
                self.has_operations |= name in _FORMER_NAMES
                return

    def _load_tracepoints(self, compiled: CompiledProbes, names: Iterable[str]) -> dict[str, int]:
        return {name: self._load_program(compiled, name, _RAW_TRACEPOINT, 0) for name in names}

    def _create_maps(self, compiled: CompiledProbes) -> None:
        for name, shape in compiled.maps.items():
            if name in self._maps:
                continue
            entries = self._ring_bytes.get(name, shape.entries)
            self._maps[name] = _create_map(replace(shape, entries=entries), name)
            self._shapes[name] = shape
            self._descriptors.append(self._maps[name])

    def _load_program(self, compiled: CompiledProbes, name: str, kind: int, flags: int) -> int:
        program = compiled.load(name, kind, flags, self._maps)
        self._descriptors.append(program)
        return program

    def load_methods(self) -> int:
        """Load the program of C functions by name, where that has not been done: most runs ask for none."""
        if self._method_program is None:
            flags = _SLEEPABLE if self.is_sleepable else 0
            self._method_program = self._load_program(self._uprobes, "on_method", _UPROBE, flags)
        return self._method_program

    def _set(self, name: str, index: int, value: object) -> None:
        syscalls.update(self._maps[name], index.to_bytes(4, "little"), wire.encode(value))

    def _set_all(self, name: str, values: Mapping[int, object]) -> None:
        """Set entries in one go: the interpreter would be handed over at each."""
        keys = b"".join(index.to_bytes(4, "little") for index in values)
        if keys:
            syscalls.update_batch(self._maps[name], keys, b"".join(map(wire.encode, values.values())), len(values))

    def load_calls(self, name: str) -> int:
        """Load one of the programs of Python function entries (`calls.bpf.c`, `seen.bpf.c`); gives its descriptor."""
        return self._load_calls(name, syscalls.ANY)

    def load_switched(self, name: str) -> int:
        """Load one of them for `attach_many`, of which kernels before Linux 6.6 know nothing."""
        return self._load_calls(name, syscalls.UPROBE_MULTI)

    def _load_calls(self, name: str, to: syscalls.Attachment) -> int:
        compiled = compiled_probes("sleepable_calls" if self.is_sleepable else "plain_calls")
        self._create_maps(compiled)
        flags = _SLEEPABLE if self.is_sleepable else 0
        self._descriptors.append(program := compiled.load(name, _UPROBE, flags, self._maps, to))
        return program

    def enable_run_stats(self) -> None:
        """Have the kernel count the runs of all programs, and the time they take, until the end."""
        self._descriptors.append(syscalls.enable_run_stats())

    def set_entry(self, name: str, key: bytes, value: bytes) -> None:
        """Set an entry of a map."""
        syscalls.update(self._maps[name], key, value)

    def remove_entries(self, name: str, keys: list[bytes]) -> None:
        """Remove entries of a hash map; those that are not there are passed over."""
        while keys:
            keys = keys[syscalls.delete_batch(self._maps[name], b"".join(keys), len(keys)) + 1 :]

    def entries_of(self, name: str) -> tuple[bytes, bytes]:
        """Give all keys and all values of a hash map."""
        shape = self._shapes[name]
        return syscalls.lookup_batch(self._maps[name], (shape.key_bytes, shape.value_bytes, shape.entries))

    def add_layout(self, layout: KernelLayout) -> int:
        """Give the index of a layout, new or known. Raises KernelError when there are too many."""
        encoded = wire.encode(layout)
        if encoded in self._layouts:
            return self._layouts.index(encoded)
        if len(self._layouts) >= MAX_LAYOUTS - 1:  # the last stays empty: a process without an interpreter
            message = f"more than {MAX_LAYOUTS - 1} different interpreters in one run"
            raise KernelError(message, "trace fewer processes at once")
        self._set("layouts", len(self._layouts), layout)
        self._layouts.append(encoded)
        return len(self._layouts) - 1

    def add_site(self, path: str, offset: int, site: Site) -> int:
        """Probe a file offset in the processes that map the file at path; gives the site's index.

        Raises KernelError when the kernel refuses.
        """
        index = self.declare_site(site)
        program = self.load_methods() if site.kind >= SiteKind.METHOD_NOARGS else self._program
        self._links.extend(self.attach(program, path, offset, index))
        return index

    def declare_site(self, site: Site) -> int:
        """Tell the probes of a site; gives its index. Raises KernelError when there are too many."""
        index = self._site_count
        if index >= MAX_SITES:
            message = f"more than {MAX_SITES} sites in one run"
            raise KernelError(message, "trace fewer processes at once")
        self._set("sites", index, site)
        self._site_count += 1
        return index

    def attach(self, program: int, path: str, offset: int, index: int) -> tuple[int, int]:
        """Attach a program to a site declared; gives descriptors to close. Raises KernelError."""
        try:
            return syscalls.attach_uprobe(program, path, offset, index, self.only_pid)
        except OSError as error:
            message = f"the kernel refuses a probe at {path}+{offset:#x}: {error.strerror}"
            raise KernelError(message, "run `pyxhon doctor`") from None

    def attach_many(self, program: int, path: str, places: Sequence[tuple[int, int]]) -> int:
        """Attach a program to (file offset, index of the site declared); gives a descriptor to close.

        Where probes are put into one process only, that has one thread. Raises KernelError.
        """
        try:
            return syscalls.attach_uprobes(program, path, places, self.only_pid or 0)
        except OSError as error:
            message = f"the kernel refuses {len(places)} probes in {path}: {error.strerror}"
            raise KernelError(message, "run `pyxhon doctor`") from None

    def follow(self, pid: int, image: int, base: int | None, layout: int | None) -> None:
        """Trace a process from now on."""
        index = ABSENT if layout is None else layout
        known = TracedProcess(
            image=image, account=image, lineage=image, memory=image, base=base or 0, layout=index, mapped_files=0
        )
        syscalls.update(self._maps["traced"], pid.to_bytes(4, "little"), wire.encode(known))

    def is_followed(self, pid: int) -> bool:
        """Tell whether a process is traced."""
        return syscalls.lookup(self._maps["traced"], pid.to_bytes(4, "little"), wire.size_of(TracedProcess)) is not None

    def image_of(self, pid: int) -> int | None:
        """Give the image number under which a process is traced."""
        value = syscalls.lookup(self._maps["traced"], pid.to_bytes(4, "little"), wire.size_of(TracedProcess))
        return None if value is None else int.from_bytes(value[:8], "little")

    def base_of(self, pid: int, image: int) -> int | None:
        """Give the load bias of the interpreter in a process image, as far as a probe has seen it."""
        value = syscalls.lookup(self._maps["traced"], pid.to_bytes(4, "little"), wire.size_of(TracedProcess))
        if value is None:
            return None
        known, _, _, _, base, layout, *_ = wire.format_of(TracedProcess).unpack(value)
        return None if known != image or layout == ABSENT else int(base)

    def read(self) -> tuple[list[bytes], list[bytes]]:
        """Give the new records, and the native stacks that they name; both oldest first."""
        records = self.read_records()
        stacks = self._given_back[1] + self.stack_ring.read()  # after it: a stack is sent before what names it
        self._given_back = [], []
        self._make_room()
        return records, stacks

    def _make_room(self) -> None:
        if "capture_room" in self._maps:  # for code, into a quarter of the ring: the rest is for acts
            self.set_entry("capture_room", _FIRST, _WORD.pack(self.ring.free_quarter))

    def read_records(self) -> list[bytes]:
        """Give the new records alone, oldest first."""
        records, self._given_back = self._given_back[0] + self.ring.read(), ([], self._given_back[1])
        return records

    def give_back(self, records: list[bytes], stacks: list[bytes]) -> None:
        """Let `read` give these first."""
        self._given_back = records, stacks

    def acts(self) -> Iterator[tuple[bytes, tuple[int, ...]]]:
        """Give (encoded ActKey, ActCount as a tuple) of every act counted so far."""
        keys, counts = self.entries_of("acts")
        size = _KEY.size
        for index, values in enumerate(_COUNT.iter_unpack(counts)):
            yield keys[index * size : index * size + size], values

    def forget_act(self, key: bytes) -> tuple[int, ...] | None:
        """Remove an act; gives its last ActCount as a tuple, None where it was not there."""
        value = syscalls.take(self._maps["acts"], key, _COUNT.size)
        return None if value is None else _COUNT.unpack(value)

    def syscall_counts(self) -> Iterator[tuple[int, int, int]]:
        """Give (image, index, count) of the system calls that are counted by number."""
        keys, counts = self.entries_of("syscall_counts")
        for place, (count,) in zip(_PAIR.iter_unpack(keys), _WORD.iter_unpack(counts), strict=False):
            yield place[0], place[1], count

    def learn_return_place(self, image: int, address: int, place: ReturnPlace) -> None:
        """Tell how the caller of an address in an image's code is found."""
        syscalls.update(self._maps["return_places"], _PAIR.pack(image, address), wire.encode(place))

    def counters(self) -> dict[tuple[Signal, Counter], int]:
        """Give what the probes counted, over all processors."""
        processors = _possible_processors()
        found = {}
        for signal in Signal:
            for counter in Counter:
                index = signal * _COUNTERS_PER_SIGNAL + counter
                value = syscalls.lookup(self._maps["counters"], index.to_bytes(4, "little"), 8 * processors) or b""
                total = sum(int.from_bytes(value[at : at + 8], "little") for at in range(0, len(value), 8))
                if total:
                    found[signal, counter] = total
        return found


def _create_map(shape: MapShape, name: str) -> int:
    try:
        return syscalls.create_map(shape.kind, (shape.key_bytes, shape.value_bytes, shape.entries), shape.flags, name)
    except OSError as error:
        message = f"the kernel refuses a BPF map ({name}, {shape.entries} entries): {error.strerror}"
        raise KernelError(message, _REMEDIES.get(error.errno or 0, "run `pyxhon doctor`")) from None


def _pid_namespace() -> dict[str, int]:
    """Give the device and inode of our PID namespace, zeros for the first one, whose numbers the kernel uses itself."""
    facts = Path("/proc/self/ns/pid").stat()
    if facts.st_ino == _FIRST_PID_NAMESPACE:
        return {"namespace_device": 0, "namespace_inode": 0}
    # bpf_get_ns_current_pid_tgid wants the kernel's own form of the device number
    device = os.major(facts.st_dev) << 20 | os.minor(facts.st_dev)
    return {"namespace_device": device, "namespace_inode": facts.st_ino}


def _possible_processors() -> int:
    with contextlib.suppress(OSError, ValueError), open("/sys/devices/system/cpu/possible", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().strip().split(",")[-1].split("-")[-1]) + 1
    return os.cpu_count() or 1
