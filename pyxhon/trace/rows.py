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
