"""The rows of a trace as plain data; field names are the column names of schema.sql, JSON columns are decoded."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process image."""

    id: int
    pid: int
    parent_pid: int
    namespace_pid: int | None
    parent: int | None
    origin: str
    executable: str | None
    arguments: list[str]
    working_directory: str | None
    started_ns: int
    ended_ns: int | None
    exit_code: int | None
    root: int
    interpreter: dict[str, Any] | None
    coverage: dict[str, str]


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One thread."""

    process: int
    tid: int
    started_ns: int | None
    ended_ns: int | None
    creator: int | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One distinct act with its count."""

    id: int
    process: int
    tid: int
    kind: str
    name: str
    arguments: Any
    result: Any
    python_stack: int | None
    native_stack: int | None
    count: int
    failed: int
    first_ns: int
    last_ns: int
    signal: str
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class FrameRow:
    """One Python frame of a stack."""

    file: str | None
    function: str | None
    line: int | None
    instruction: int
    code: int | None
    is_entry: bool = False


@dataclass(frozen=True, slots=True)
class NativeFrameRow:
    """One native frame of a stack; `path`, `role` and `root` are its object's, None where nothing was mapped."""

    path: str | None
    role: str | None
    symbol: str | None
    offset: int
    how: str
    is_eval: bool
    flags: int
    object: int | None


@dataclass(frozen=True, slots=True)
class NativeStackRow:
    """A native stack, innermost frame first."""

    id: int
    is_truncated: bool
    is_guessed: bool
    end_reason: str | None
    frames: tuple[NativeFrameRow, ...]


@dataclass(frozen=True, slots=True)
class NativeObjectRow:
    """A file or memory that native code runs in."""

    id: int
    root: int
    path: str
    role: str
    device: str | None
    inode: int | None
    is_deleted: bool
    detail: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ProvenanceRow:
    """Who made a thread, a piece of anonymous code and the like."""

    process: int
    kind: str
    subject: str
    event: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class SignalHandlerRow:
    """A signal handler that ran; `tid` and `time_ns` are those of its first delivery."""

    process: int
    tid: int
    number: int
    address: int
    object: int | None
    time_ns: int


@dataclass(frozen=True, slots=True)
class SyscallCountRow:
    """How often a process made a system call that is not an event."""

    process: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class CallRow:
    """A Python function that ran, and who called it; `id` is None until `Store.add_call` gives it."""

    id: int | None
    process: int
    tid: int
    callee: int
    caller: int | None
    starts: int | None = None
    resumptions: int | None = None
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True, slots=True)
class CallFlowRow:
    """One entry or exit of a Python function; `kind` is start, resume, return, yield or unwind."""

    id: int
    process: int
    tid: int
    time_ns: int
    kind: str
    code: int
    caller: int | None
    duration_ns: int | None


@dataclass(frozen=True, slots=True)
class CodeRow:
    """What names a code object."""

    id: int
    process: int
    file: str | None
    qualified_name: str | None
    first_line: int


@dataclass(frozen=True, slots=True)
class CodeContentRow:
    """What a code object consists of, as the compiler made it."""

    hash: str
    version: str
    name: str | None
    first_line: int
    flags: int
    argument_count: int
    positional_only_count: int
    keyword_only_count: int
    stack_size: int
    bytecode: bytes
    bytecode_bytes: int
    constants: list[Any]
    names: list[Any]
    variables: list[Any]
    cells: list[Any]
    free: list[Any]
    all_locals: list[Any]
    line_table: bytes
    exception_table: bytes
    unresolved: int
    missing: int


@dataclass(frozen=True, slots=True)
class CodeOriginRow:
    """Where a code object comes from: an act that was given it, or a code object that has it as a constant."""

    code: int
    event: int | None
    parent: int | None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """The functions that a source file defines, as (first line, qualified name); None: not known, for `reason`."""

    root: int
    path: str
    functions: list[tuple[int, str]] | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AbilityRow:
    """What one installed file could do by its text; with a reason that is not known."""

    root: int
    path: str
    package: str
    version: str | None
    module: str | None
    functions: Any
    sites: Any
    reason: str | None


@dataclass(frozen=True, slots=True)
class FileRow:
    """Whose file it is."""

    root: int
    path: str
    origin: str
    package: str
    version: str | None
    module: str | None
    detail: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class DllRow:
    """A file mapped executable."""

    id: int
    process: int
    path: str
    sha256: str | None
    build_id: str | None
    event: int | None
    dossier: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """A module in sys.modules at attach."""

    process: int
    name: str
    file: str | None
    is_extension: bool


@dataclass(frozen=True, slots=True)
class OpenFileRow:
    """A descriptor open at attach."""

    process: int
    descriptor: int
    kind: str
    description: str


@dataclass(frozen=True, slots=True)
class AuditHookRow:
    """An audit hook installed at attach."""

    process: int
    description: str


@dataclass(frozen=True, slots=True)
class LossRow:
    """Something not seen, by reason."""

    process: int | None
    signal: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class CounterRow:
    """The conservation law of one signal: seen = stored + repeated + lost."""

    signal: str
    seen: int
    stored: int
    repeated: int
    lost: int
