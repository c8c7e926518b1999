"""Every event that the probes send but those of functions, declared once; probes/wire.h is generated from here.

Records of the ring buffer start with `Event`; counted acts are read from a map. Numbers of enumerations are never
reused.
"""

import enum
from dataclasses import dataclass
from typing import Annotated

from pyxhon.wire import U8, U16, U32, U64, Array, Bytes

MAX_FRAMES = 64
MAX_ARGUMENTS = 24
MAX_ITEMS = 6  # items shown of a tuple or list
TEXT_BYTES = 1024  # of one string; a power of two
DATA_BYTES = 4096  # of all strings of an act; a power of two
NAME_BYTES = 256  # of an event name; a power of two
CHUNK_BYTES = 16384  # of a line table in one record; a power of two
FIRST_CHUNK_BYTES = 4096  # of it in the record of its code object
MAX_CHUNKS = 72  # records spent to describe the code objects of one stack
MAX_ACTS = 65536
ENTRY_FRAME = 1 << 30  # of FrameRef.instruction: C entered the interpreter at this frame
NATIVE_STACK_BYTES = 32768  # of a user stack that are copied; a multiple of a page
PATH_BYTES = 4096  # of a working directory, as names from the innermost folder outwards
MAX_CALLERS = 512  # native stacks of one (name, Python stack) before they are counted together
MAX_VARIANTS = 2048  # distinct argument lists of one (name, stack) before they are counted together


class EventKind(enum.IntEnum):
    """What a record of the ring buffer is."""

    ACT = 1
    STACK = 2
    CODE = 3
    LINE_TABLE = 4
    FORK = 5
    EXEC = 6
    EXIT = 7
    THREAD_START = 8
    THREAD_EXIT = 9
    NATIVE_STACK = 10
    SYSCALL_RESULT = 11
    SIGNAL_DELIVERY = 12
    FUNCTION = 13
    HIT = 14
    PARAMETERS = 15
    FLOW = 16
    EXIT_HIT = 17
    INSTRUCTION = 18
    CODE_MEMORY = 19


class EventFlag(enum.IntEnum):
    """Bits of Event.flags."""

    TRUNCATED = 1  # a text or list was cut
    PARTIAL = 2  # something could not be read
    UNCOUNTED = 4  # not in the table of acts: this record stands for one occurrence
    MERGED = 8  # arguments vary: counted together
    NAME_UNREAD = 16
    FORMAT_UNREAD = 32
    IS_I386 = 64  # a system call by the table of i386
    IS_X32 = 128
    FAILED = 256


class Signal(enum.IntEnum):
    """The kinds of observation that this version takes."""

    AUDIT = 0
    IMPORT = 1
    DLL_LOAD = 2
    PROCESS = 3
    STACK = 4
    CODE = 5
    SYSCALL = 6
    IO_URING = 7
    NATIVE_STACK = 8
    CALL = 9
    FUNCTION = 10
    INSTRUCTION = 11


class Counter(enum.IntEnum):
    """What is counted in the kernel, per signal."""

    SEEN = 0
    STORED = 1
    RING_FULL = 3
    TABLE_FULL = 4
    NO_SCRATCH = 5
    UNREADABLE_NAME = 6
    UNREADABLE_ARGUMENT = 7
    UNREADABLE_FRAME = 8
    NO_THREAD_STATE = 10
    STACK_TRUNCATED = 11
    DUPLICATE = 12
    MERGED = 13
    UNMATCHED = 15
    LOST = 16  # acts that reached neither the ring nor the table of acts


class ArgumentKind(enum.IntEnum):
    """What a decoded argument is."""

    OBJECT = 1  # still to be decoded; never leaves the kernel
    TEXT1 = 2  # str with 1, 2 or 4 bytes a code point
    TEXT2 = 3
    TEXT4 = 4
    BYTES = 5
    INT = 6
    BIG_INT = 7  # more than three digits: only their number
    NONE = 8
    TUPLE = 9
    LIST = 10
    OTHER = 11  # the type's name
    CODE = 12  # the code object's name
    FLOAT = 13
    BOOL = 14
    NULL = 15
    UNREADABLE = 16
    C_STRING = 17
    C_BYTES = 18
    RAW = 19  # a C integer
    WIDE_STRING = 20  # wchar_t *
    ADDRESS = 21  # struct sockaddr, raw
    LATE = 23  # a descriptor: its number is told, but what it stands for is what makes the act distinct
    DICTIONARY = 24  # only where Python functions are called
    FOLDER = 22  # names from the innermost folder outwards, each ended by NUL; not a part of the act's key


class ActState(enum.IntEnum):
    """How far the first occurrence of an act has come."""

    PENDING = 0
    STORED = 1
    FAILED = 2


@dataclass(slots=True)
class Event:
    """The head of every record."""

    kind: U16
    flags: U16
    cpu: U32
    time_ns: U64
    pid: U32
    tid: U32
    image: U64


@dataclass(slots=True)
class FrameRef:
    """One Python frame: where its code object lies, the instruction, and what tells code objects apart."""

    code: U64
    instruction: U32
    fingerprint: U32


@dataclass(slots=True)
class Argument:
    """One argument; text lies in ActEvent.data at offset, `value` bytes of it; length is the whole length."""

    kind: U8
    parent: U8  # index of the tuple or list it is in; 255: none
    offset: U16
    length: U32
    value: U64


@dataclass(slots=True)
class ActEvent:
    """The first occurrence of an act, whole; data holds the name, then the arguments' text."""

    head: Annotated[bytes, Array(Event, 1)]
    stack: U64
    arguments_hash: U64
    name: U64
    name_address: U64
    format_address: U64
    base: U64
    site: U16
    signal: U16
    argument_count: U16
    name_bytes: U16
    data_bytes: U32
    reserved: U32
    native: U64  # what tells the native stack; 0: none was taken
    account: U64  # see TracedProcess
    format: Annotated[bytes, Bytes(32)]
    arguments: Annotated[bytes, Array(Argument, MAX_ARGUMENTS)]
    data: Annotated[bytes, Bytes(DATA_BYTES + TEXT_BYTES + 8)]


@dataclass(slots=True)
class StackEvent:
    """A Python stack, innermost frame first."""

    head: Annotated[bytes, Array(Event, 1)]
    stack: U64
    frame_count: U32
    layout: U32  # index of the layout by which it was walked
    frames: Annotated[bytes, Array(FrameRef, MAX_FRAMES)]


@dataclass(slots=True)
class NativeStackEvent:
    """Registers and the user stack at a system call; registers are in DWARF's order (System V ABI, x86-64, 3.6.2)."""

    head: Annotated[bytes, Array(Event, 1)]
    native: U64
    stack: U64  # the Python stack it was taken with; 0: none
    state_address: U64  # of a frame of CPython on this stack (3.11 and later); 0: none
    rax: U64
    rdx: U64
    rcx: U64
    rbx: U64
    rsi: U64
    rdi: U64
    rbp: U64
    rsp: U64
    r8: U64
    r9: U64
    r10: U64
    r11: U64
    r12: U64
    r13: U64
    r14: U64
    r15: U64
    rip: U64
    size_bytes: U32
    reserved: U32
    data: Annotated[bytes, Bytes(NATIVE_STACK_BYTES + 4096)]


@dataclass(slots=True)
class CodeEvent:
    """A code object; data holds file name, qualified name and the first part of the line table."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    fingerprint: U32
    first_line: U32
    first_traceable: U32
    file_bytes: U32
    file_kind: U16
    name_kind: U16
    name_bytes: U32
    line_table_bytes: U32
    line_table_stored: U32
    line_table_address: U64
    data: Annotated[bytes, Bytes(2 * TEXT_BYTES + CHUNK_BYTES + 8)]


@dataclass(slots=True)
class LineTableEvent:
    """A further part of a line table."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    fingerprint: U32
    offset: U32
    stored: U32
    reserved: U32
    data: Annotated[bytes, Bytes(CHUNK_BYTES + 8)]


@dataclass(slots=True)
class SyscallResultEvent:
    """How a system call ended whose first occurrence was sent, or one that makes something others act through."""

    head: Annotated[bytes, Array(Event, 1)]
    account: U64  # these six are the act's key
    stack: U64
    arguments_hash: U64
    name: U64
    native: U64
    signal: U32
    argument_count: U32  # arguments that were not readable when it began and are now
    result: U64  # as the kernel gives it: a negative error number, two's complement
    made: U64  # the io_uring made; 0: none
    data_bytes: U32
    reserved: U32
    arguments: Annotated[bytes, Array(Argument, 2)]
    data: Annotated[bytes, Bytes(2 * TEXT_BYTES + 8)]


@dataclass(slots=True)
class SignalDeliveryEvent:
    """A signal handler is about to run."""

    head: Annotated[bytes, Array(Event, 1)]
    handler: U64
    number: U32
    reserved: U32


@dataclass(slots=True)
class ForkEvent:
    """A process was forked: head.pid and head.image are the child's."""

    head: Annotated[bytes, Array(Event, 1)]
    parent_image: U64
    parent_pid: U32
    parent_tid: U32
    account: U64
    creator_account: U64  # key of the system call that made it; all 0: not seen
    creator_stack: U64
    creator_arguments: U64
    creator_name: U64
    creator_native: U64
    has_parents_memory: U32  # as after vfork
    reserved: U32


@dataclass(slots=True)
class ExecEvent:
    """A process started another program: head.image is the new one; data holds the argument list, NUL between."""

    head: Annotated[bytes, Array(Event, 1)]
    previous_image: U64
    account: U64
    creator_account: U64  # key of the system call that began it; all 0: not seen
    creator_stack: U64
    creator_arguments: U64
    creator_name: U64
    creator_native: U64
    inode: U64  # number of the program's file
    arguments_bytes: U32
    arguments_stored: U32
    file: Annotated[bytes, Bytes(NAME_BYTES)]
    data: Annotated[bytes, Bytes(DATA_BYTES)]


@dataclass(slots=True)
class ExitEvent:
    """A thread or process ended; status is the kernel's wait status."""

    head: Annotated[bytes, Array(Event, 1)]
    status: U32
    reserved: U32


@dataclass(slots=True)
class ThreadRegisters:
    """A thread at one moment: `registers` is struct pt_regs of its last entry into the kernel (asm/ptrace.h)."""

    pid: U32
    tid: U32
    own_tid: U32  # its number in its own PID namespace
    on_cpu: U32
    voluntary_switches: U64
    involuntary_switches: U64
    fs_base: U64
    registers: Annotated[bytes, Bytes(168)]


@dataclass(slots=True)
class ActKey:
    """What makes an act distinct."""

    account: U64  # see TracedProcess
    stack: U64
    arguments: U64
    name: U64
    native: U64
    signal: U32
    reserved: U32


@dataclass(slots=True)
class ActCount:
    """How often an act happened."""

    count: U64
    failed: U64
    first_ns: U64
    last_ns: U64
    state: U32
    tid: U32


ENUMERATIONS = (EventKind, EventFlag, Signal, Counter, ArgumentKind, ActState)
STRUCTS = (
    Event, FrameRef, Argument, ActEvent, StackEvent, CodeEvent, LineTableEvent, NativeStackEvent, SyscallResultEvent,
    SignalDeliveryEvent, ForkEvent, ExecEvent, ExitEvent, ActKey, ActCount, ThreadRegisters,
)  # fmt: skip
CONSTANTS = (
    "MAX_FRAMES", "MAX_ARGUMENTS", "MAX_ITEMS", "TEXT_BYTES", "DATA_BYTES", "NAME_BYTES", "CHUNK_BYTES",
    "FIRST_CHUNK_BYTES", "MAX_CHUNKS", "MAX_ACTS", "MAX_CALLERS", "MAX_VARIANTS", "ENTRY_FRAME",
    "NATIVE_STACK_BYTES", "PATH_BYTES",
)  # fmt: skip
