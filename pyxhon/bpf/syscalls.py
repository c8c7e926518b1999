"""bpf(2) and perf_event_open(2): what bcc cannot do or does otherwise than we need.

Sleepable programs, attach cookies, batched map reads. The layouts are those
of `union bpf_attr` (include/uapi/linux/bpf.h) and `struct perf_event_attr` (include/uapi/linux/perf_event.h).
"""

import ctypes
import errno
import os
import platform
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyxhon.errors import KernelError

_NUMBERS: Final = {"x86_64": (321, 298), "aarch64": (280, 241)}  # bpf, perf_event_open

_MAP_CREATE, _LOOKUP, _UPDATE, _PROG_LOAD, _LOOKUP_AND_DELETE = 0, 1, 2, 5, 21
_RAW_TRACEPOINT_OPEN, _LOOKUP_BATCH, _UPDATE_BATCH, _DELETE_BATCH = 17, 24, 26, 27
_LINK_CREATE, _ITERATOR_CREATE = 28, 33
_OBJECT_FACTS, _ENABLE_STATS = 15, 32
_PROGRAM_FACTS_BYTES, _RUN_TIME_AT = 208, 192
_PERF_EVENT_ATTACH_TYPE: Final = 41  # enum bpf_attach_type, BPF_PERF_EVENT
_ITERATOR: Final = 28  # enum bpf_attach_type, BPF_TRACE_ITER
_PERF_FLAG_FD_CLOEXEC: Final = 8
_ATTRIBUTE_BYTES: Final = 128
_LOG_BYTES: Final = 1 << 16
_SOFTWARE, _DUMMY = 1, 9  # PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY
_SAMPLE_TID, _SAMPLE_TIME, _SAMPLE_CPU = 1 << 1, 1 << 2, 1 << 7
_FORMAT_LOST: Final = 1 << 4  # Linux 6.0
# struct perf_event_attr: mmap, comm, task, watermark, sample_id_all, mmap2, comm_exec, use_clockid
_MAPPING_BITS: Final = sum(1 << bit for bit in (8, 9, 13, 14, 18, 23, 24, 25))
_CLOCK_MONOTONIC: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class SystemCallError(OSError):
    """A bpf or perf_event_open call was refused."""


def _call(number: int, *arguments: int | ctypes.Array[ctypes.c_char]) -> int:
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *converted))
    if result < 0:
        number = ctypes.get_errno()
        raise SystemCallError(number, os.strerror(number))
    return result


def _numbers() -> tuple[int, int]:
    try:
        return _NUMBERS[platform.machine()]
    except KeyError:
        message = f"machine type {platform.machine()} is not supported"
        raise KernelError(message, "PyXhon runs on x86-64") from None


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, max(_ATTRIBUTE_BYTES, len(attributes)))
    return _call(_numbers()[0], command, buffer, len(buffer))


def create_map(kind: int, sizes: tuple[int, int, int], flags: int, name: str) -> int:
    """Create a map with (key, value, entries) sizes; gives its descriptor."""
    return _bpf(_MAP_CREATE, struct.pack("<5I2I16s", kind, *sizes, flags, 0, 0, name.encode()[:15]))


def update(map_descriptor: int, key: bytes, value: bytes) -> None:
    """Set one entry of a map."""
    _bpf(_UPDATE, _element(map_descriptor, key, value)[0])


def update_batch(map_descriptor: int, keys: bytes, values: bytes, count: int) -> None:
    """Set many entries of a map, whose keys and values follow one another (Linux 5.6)."""
    key_buffer = ctypes.create_string_buffer(keys, len(keys))
    value_buffer = ctypes.create_string_buffer(values, len(values))
    places = ctypes.addressof(key_buffer), ctypes.addressof(value_buffer)
    _bpf(_UPDATE_BATCH, struct.pack("<4Q2I2Q", 0, 0, *places, count, map_descriptor, 0, 0))


def delete_batch(map_descriptor: int, keys: bytes, count: int) -> int:
    """Remove entries by keys that follow one another, up to the first that is not there; gives how many (Linux 5.6)."""
    buffer = ctypes.create_string_buffer(keys, len(keys))
    attributes = struct.pack("<4Q2I2Q", 0, 0, ctypes.addressof(buffer), 0, count, map_descriptor, 0, 0)
    result = ctypes.create_string_buffer(attributes, _ATTRIBUTE_BYTES)
    try:
        _call(_numbers()[0], _DELETE_BATCH, result, len(result))
    except SystemCallError as error:
        if error.errno != errno.ENOENT:
            raise
        return int(struct.unpack_from("<I", result, 32)[0])  # union bpf_attr, batch.count
    return count


def lookup(map_descriptor: int, key: bytes, value_bytes: int) -> bytes | None:
    """Give one entry of a map; None when there is none."""
    return _look_up(_LOOKUP, map_descriptor, key, value_bytes)


def take(map_descriptor: int, key: bytes, value_bytes: int) -> bytes | None:
    """Remove one entry of a hash map and give it; None when there is none (Linux 5.14)."""
    return _look_up(_LOOKUP_AND_DELETE, map_descriptor, key, value_bytes)


def _look_up(command: int, map_descriptor: int, key: bytes, value_bytes: int) -> bytes | None:
    attributes, _keep, value = _element(map_descriptor, key, bytes(value_bytes))
    try:
        _bpf(command, attributes)
    except SystemCallError:
        return None
    return value.raw


_last_element: list[object] = []


def _element(map_descriptor: int, key: bytes, value: bytes) -> tuple[bytes, object, ctypes.Array[ctypes.c_char]]:
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value_buffer = ctypes.create_string_buffer(value, max(1, len(value)))
    _last_element[:] = [key_buffer, value_buffer]  # alive while the kernel reads them
    pointers = ctypes.addressof(key_buffer), ctypes.addressof(value_buffer) if value else 0
    return struct.pack("<IIQQQ", map_descriptor, 0, *pointers, 0), key_buffer, value_buffer


def lookup_batch(map_descriptor: int, sizes: tuple[int, int, int]) -> tuple[bytes, bytes]:
    """Give all keys and all values of a hash map of (key, value, entries) sizes (Linux 5.6)."""
    key_bytes, value_bytes, entries = sizes
    keys = ctypes.create_string_buffer(key_bytes * entries)
    values = ctypes.create_string_buffer(value_bytes * entries)
    cursor = ctypes.create_string_buffer(8)
    found, is_first = 0, True
    while found < entries:
        attributes = struct.pack(
            "<4Q2I2Q",
            0 if is_first else ctypes.addressof(cursor),
            ctypes.addressof(cursor),
            ctypes.addressof(keys) + found * key_bytes,
            ctypes.addressof(values) + found * value_bytes,
            entries - found,
            map_descriptor,
            0,
            0,
        )
        buffer = ctypes.create_string_buffer(attributes, _ATTRIBUTE_BYTES)
        is_first = False
        try:
            _call(_numbers()[0], _LOOKUP_BATCH, buffer, len(buffer))
        except FileNotFoundError:  # the end; what was found is in count
            return _cut(keys, values, found + struct.unpack_from("<I", buffer, 32)[0], sizes)
        except OSError as error:
            if isinstance(error, SystemCallError) and error.errno == 2:  # noqa: PLR2004 - ENOENT: the end
                found += struct.unpack_from("<I", buffer, 32)[0]
                break
            raise
        found += struct.unpack_from("<I", buffer, 32)[0]
    return _cut(keys, values, found, sizes)


def _cut(
    keys: ctypes.Array[ctypes.c_char], values: ctypes.Array[ctypes.c_char], found: int, sizes: tuple[int, int, int]
) -> tuple[bytes, bytes]:
    return ctypes.string_at(keys, found * sizes[0]), ctypes.string_at(values, found * sizes[1])


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a program is to be attached to, where its type does not tell: enum bpf_attach_type, a type's id in BTF."""

    kind: int
    type_id: int = 0


ANY: Final = Attachment(0)
UPROBE_MULTI: Final = Attachment(48)


def iterator_over(type_id: int) -> Attachment:
    """Give what an iterator is attached to that BTF declares under this id."""
    return Attachment(_ITERATOR, type_id)


def load_program(kind: int, name: str, instructions: bytes, flags: int, to: Attachment = ANY) -> int:
    """Load a program; gives its descriptor. Raises KernelError with the end of the verifier's log."""
    text = ctypes.create_string_buffer(instructions, len(instructions))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(_LOG_BYTES)

    def attempt(level: int) -> int:
        attributes = struct.pack(
            "<2I2Q2IQ2I16s2I",
            kind,
            len(instructions) // 8,
            ctypes.addressof(text),
            ctypes.addressof(licence),
            level,
            _LOG_BYTES if level else 0,
            ctypes.addressof(log) if level else 0,
            0,
            flags,
            name.encode()[:15],
            0,
            to.kind,
        )
        # then func_info, line_info: none; attach_btf_id
        return _bpf(_PROG_LOAD, attributes.ljust(108, b"\0") + struct.pack("<I", to.type_id))

    try:
        return attempt(0)
    except SystemCallError as error:
        try:
            return attempt(4)
        except SystemCallError:
            tail = log.value.decode("utf-8", "replace").strip().splitlines()[-1:]
            message = f"the kernel refuses the BPF program {name}: {error.strerror} {' '.join(tail)}".strip()
            raise KernelError(message, "run `pyxhon doctor`") from None


def enable_run_stats() -> int:
    """Have the kernel count runs of programs and the time they take, until the descriptor is closed (Linux 5.8)."""
    return _bpf(_ENABLE_STATS, struct.pack("<I", 0))  # enum bpf_stats_type, BPF_STATS_RUN_TIME


def run_stats(program: int) -> tuple[int, int]:
    """Give the time in ns that a program took, and how often it ran; struct bpf_prog_info, run_time_ns and run_cnt."""
    facts = ctypes.create_string_buffer(_PROGRAM_FACTS_BYTES)
    _bpf(_OBJECT_FACTS, struct.pack("<IIQ", program, _PROGRAM_FACTS_BYTES, ctypes.addressof(facts)))
    time_ns, count = struct.unpack_from("<QQ", facts, _RUN_TIME_AT)
    return time_ns, count


def attach_raw_tracepoint(program: int, name: str) -> int:
    """Attach a program to a raw tracepoint; closing the descriptor detaches it."""
    text = ctypes.create_string_buffer(name.encode())
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("<QIIQ", ctypes.addressof(text), program, 0, 0))


def read_iterator(program: int, pid: int) -> bytes:
    """Run an iterator over tasks to its end and give what it wrote; only for the threads of a process, from Linux 6.1.

    Before, all threads of the system are gone through. Raises SystemCallError.
    """
    chosen = ctypes.create_string_buffer(struct.pack("<III", 0, pid, 0), 16)  # union bpf_iter_link_info
    try:
        link = _bpf(_LINK_CREATE, struct.pack("<4IQI", program, 0, _ITERATOR, 0, ctypes.addressof(chosen), 16))
    except SystemCallError as error:
        if error.errno not in (errno.EINVAL, errno.E2BIG):
            raise
        link = _bpf(_LINK_CREATE, struct.pack("<4IQI", program, 0, _ITERATOR, 0, 0, 0))
    try:
        with open(_bpf(_ITERATOR_CREATE, struct.pack("<II", link, 0)), "rb", buffering=0) as file:
            return file.read()
    finally:
        os.close(link)


def attach_uprobe(program: int, path: str, offset: int, cookie: int, pid: int | None = None) -> tuple[int, int]:
    """Attach a program at a file offset of the file at path, in all processes that map it, or in one (Linux 5.15).

    Gives (link, perf event) descriptors; closing both detaches. Where it is for one process, the kernel puts no
    breakpoint into others (kernel/trace/trace_uprobe.c, uprobe_perf_filter), children of that one included.
    """
    name = ctypes.create_string_buffer(os.fsencode(path))
    attributes = struct.pack(
        "<IIQQQQQIIQQ", uprobe_type(), 128, 0, 0, 0, 0, 0, 0, 0, ctypes.addressof(name), offset
    ).ljust(128, b"\0")
    buffer = ctypes.create_string_buffer(attributes, 128)
    event = _call(_numbers()[1], buffer, *((-1, 0) if pid is None else (pid, -1)), -1, _PERF_FLAG_FD_CLOEXEC)
    try:
        link = _bpf(_LINK_CREATE, struct.pack("<4IQ", program, event, _PERF_EVENT_ATTACH_TYPE, 0, cookie))
    except OSError:
        os.close(event)
        raise
    return link, event


def attach_uprobes(program: int, path: str, places: Sequence[tuple[int, int]], pid: int = 0) -> int:
    """Attach a program loaded for UPROBE_MULTI at (file offset, cookie) of the file at path (Linux 6.6).

    When the descriptor is closed the breakpoints are gone at once: those of `attach_uprobe` stay until no program runs
    any more, which may take a tenth of a second and longer. A `pid` is that of the one process; before Linux 6.10 of
    the one thread.
    """
    name = ctypes.create_string_buffer(os.fsencode(path))
    offsets = (ctypes.c_uint64 * len(places))(*(offset for offset, _ in places))
    cookies = (ctypes.c_uint64 * len(places))(*(cookie for _, cookie in places))
    addresses = ctypes.addressof(name), ctypes.addressof(offsets), 0, ctypes.addressof(cookies)
    attributes = struct.pack("<4I4Q3I", program, 0, UPROBE_MULTI.kind, 0, *addresses, len(places), 0, pid)
    return _bpf(_LINK_CREATE, attributes)


def open_mapping_event(processor: int) -> tuple[int, bool]:
    """Open an event that records executable mappings, names, forks and exits of all processes on one processor.

    Every record ends with the ids, the time (CLOCK_MONOTONIC) and the processor, and wakes whoever polls. Gives the
    descriptor, and whether reading it gives the count of lost records. Raises SystemCallError.
    """
    try:
        return _open_mapping_event(processor, _FORMAT_LOST), True
    except SystemCallError as error:
        if error.errno != errno.EINVAL:
            raise
        return _open_mapping_event(processor, 0), False


def _open_mapping_event(processor: int, read_format: int) -> int:
    sample = _SAMPLE_TID | _SAMPLE_TIME | _SAMPLE_CPU
    attributes = struct.pack(
        "<IIQQQQQIIQQQQIi",
        _SOFTWARE, 128, _DUMMY, 0, sample, read_format, _MAPPING_BITS, 1, 0, 0, 0, 0, 0, 0, _CLOCK_MONOTONIC,
    )  # fmt: skip
    buffer = ctypes.create_string_buffer(attributes, 128)
    return _call(_numbers()[1], buffer, -1, processor, -1, _PERF_FLAG_FD_CLOEXEC)


def uprobe_type() -> int:
    """Give the number of the uprobe performance monitoring unit. Raises KernelError where there is none."""
    try:
        with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read())
    except (OSError, ValueError):
        message = "this kernel has no uprobes"
        raise KernelError(message, "CONFIG_UPROBE_EVENTS is needed") from None


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors side by side: each probe taken out waits for a grace period of the kernel, all for the same."""
    closers = [threading.Thread(target=os.close, args=(descriptor,)) for descriptor in descriptors]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join()
