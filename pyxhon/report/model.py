"""The report: the one home of the schema `pyxhon.report/1`; every format is a view of it."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Final

from pyxhon.dossier.model import Dossier
from pyxhon.report.exercise_model import Exercise, NotExercisedDetail
from pyxhon.report.instruction_model import Instruction
from pyxhon.report.judging_model import Directory, Judging, PlainAct
from pyxhon.report.location_model import Location as Location  # noqa: PLC0414 - its readers find it here, as all rows
from pyxhon.report.sequence_model import Reaction, Sequence

SCHEMA: Final = "pyxhon.report/1"


@dataclass(frozen=True, slots=True)
class Host:
    """The machine the trace was taken on."""

    kernel: str
    arch: str
    hostname: str


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The CPython inside a process."""

    version: str
    path: str
    build_id: str | None
    linkage: str
    stripped: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """Per signal the source in use, "off", or "unavailable: why"."""

    audit: str
    imports: str
    calls: str
    syscalls: str
    native: str


@dataclass(frozen=True, slots=True)
class Process:
    """One process image: an exec ends one and starts the next with the same pid."""

    pid: int
    ppid: int
    exe: str | None
    argv: list[str]
    exit_code: int | None
    interpreter: Interpreter | None
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class CategoryUse:
    """What a package did in one category: the status and distinct behaviours per level."""

    status: str
    python: int
    native: int
    detached: int


@dataclass(frozen=True, slots=True)
class Package:
    """One row of the matrix."""

    name: str
    version: str | None
    origin: str
    policy: str | None
    categories: dict[str, CategoryUse]
    suggestion: str | None


@dataclass(frozen=True, slots=True)
class NativeFrame:
    """One frame beneath Python."""

    object: str
    symbol: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One act, whichever signals saw it, with the verdict on it."""

    id: str
    package: str
    category: str
    level: str
    verdict: str
    rule: str | None
    kind: str
    name: str
    args: dict[str, object]
    result: object
    count: int
    first_ns: int
    last_ns: int
    pid: int
    tid: int
    location: Location | None
    instruction: Instruction | None
    object: str | None
    python_stack: list[Location]
    native_stack: list[NativeFrame]
    signals: list[str]


@dataclass(frozen=True, slots=True)
class Import:
    """One import edge: who imported which module, from where."""

    importer: str
    module: str
    package: str | None
    category: str | None
    transitive: bool
    location: Location | None
    count: int
    failed: int = 0
    instruction: Instruction | None = None


@dataclass(frozen=True, slots=True)
class Dll:
    """A file mapped executable; `loaded_by` is null when it was there before the trace."""

    path: str
    sha256: str | None
    build_id: str | None
    package: str | None
    loaded_by: str | None
    load_location: Location | None
    dossier: Dossier


@dataclass(frozen=True, slots=True)
class Callee:
    """A function at one end of a call; `line` is the first of a Python function, null for one in C."""

    file: str | None
    function: str | None
    line: int | None
    package: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """An edge of the call graph; `count` is null when it was only seen.

    Of a call of a C function the caller's `line` is where the call is.
    """

    caller: Callee | None
    callee: Callee
    count: int | None


@dataclass(frozen=True, slots=True)
class CallArguments:
    """Calls with the same arguments, from the same line of the caller."""

    args: dict[str, object]
    line: int | None
    count: int


@dataclass(frozen=True, slots=True)
class CallDetail:
    """More of the row of `calls` at the same place of its list; `name` and `arguments` of what was asked for."""

    kind: str
    resumptions: int | None
    threads: int | None
    had_run: bool
    name: str | None
    arguments: list[CallArguments]


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """How many of a package's functions ran, of those that its files define."""

    package: str | None
    ran: int
    defined: int | None
    ran_of_defined: int
    files: int
    unread: dict[str, int]


@dataclass(frozen=True, slots=True)
class CallSample:
    """Of which part of the time calls were counted, in how many windows."""

    share: float
    windows: int
    observed_ns: int
    total_ns: int


@dataclass(frozen=True, slots=True)
class NotExercised:
    """What a package could do by its static code and did not do here."""

    package: str
    kind: str
    name: str
    location: Location | None


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made what an act was done by or through."""

    kind: str
    subject: str
    package: str
    object: str | None
    location: Location | None


@dataclass(frozen=True, slots=True)
class Detail:
    """More of one behaviour than the schema's own row holds; joined by `id`, `pid` and `name`."""

    id: str
    pid: int
    failed: int
    truncated: bool
    chain: list[str]
    reason: str | None
    policy_reason: str | None
    mixed_stack: list[str] = field(default_factory=list)
    native_confidence: str | None = None
    native_doubt: str | None = None
    made_by: Maker | None = None
    instructions: list[str | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CodeStep:
    """One step of how a code object came to be: who gave it to be run, made it or holds it."""

    by: str
    location: Location | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class CodeObject:
    """A code object that was made at run time, not loaded by the import system."""

    hash: str
    file: str | None
    name: str | None
    line: int
    package: str | None
    origin: list[CodeStep]
    behaviours: list[str]
    count: int
    ran: bool
    cut: bool
    disassembly: list[str]


@dataclass(frozen=True, slots=True)
class Load:
    """How a DLL of `dlls` came into a process: by which way, and which DLL asked for it or needs it."""

    path: str
    pid: int
    way: str | None
    loader: str | None
    loaded_by: str | None
    location: Location | None


@dataclass(frozen=True, slots=True)
class Module:
    """A module that was imported before the trace began."""

    name: str
    file: str | None
    extension: bool


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A descriptor that was open before the trace began."""

    descriptor: int
    kind: str
    description: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one process already held when tracing began."""

    pid: int
    modules: list[Module]
    threads: list[int]
    open_files: list[OpenFile]
    audit_hooks: list[str]


@dataclass(frozen=True, slots=True)
class Counter:
    """The conservation law of one signal: seen = stored + repeated + lost."""

    signal: str
    seen: int
    stored: int
    repeated: int
    lost: int


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report. What comes from `complete` on goes beyond the schema."""

    schema: str
    pyxhon: str
    host: Host
    started: str
    ended: str
    duration_s: float
    processes: list[Process]
    packages: list[Package]
    behaviours: list[Behaviour]
    imports: list[Import]
    dlls: list[Dll]
    calls: list[Call]
    not_exercised: list[NotExercised]
    losses: dict[str, int]
    complete: bool
    details: list[Detail]
    snapshots: list[Snapshot]
    counters: list[Counter]
    loads: list[Load] = field(default_factory=list)
    call_details: list[CallDetail] = field(default_factory=list)
    functions: list[FunctionUse] = field(default_factory=list)
    calls_sampled: CallSample | None = None
    code: list[CodeObject] = field(default_factory=list)
    not_exercised_details: list[NotExercisedDetail] = field(default_factory=list)
    exercise: list[Exercise] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    judging: list[Judging] = field(default_factory=list)
    uncategorised: list[PlainAct] = field(default_factory=list)
    directories: list[Directory] = field(default_factory=list)
    acts_left_out: int = 0

    def to_dict(self) -> dict[str, object]:
        """Give the report as plain JSON data: dict, list, text, finite numbers, bool, None."""
        return {name: to_json(value) for name, value in list_fields(self).items()}


def to_json(value: object) -> object:
    """Turn dataclasses and a target's values into what JSON can carry; infinite floats become text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return to_json(list_fields(value)) if dataclasses.is_dataclass(value) else str(value)


def list_fields(value: object) -> dict[str, object]:
    """Give a dataclass of this module as a dict, its values as they are."""
    names: tuple[str, ...] = type(value).__slots__  # type: ignore[attr-defined]  # all have slots, in field order
    return {name: getattr(value, name) for name in names}
