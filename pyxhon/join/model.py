"""What the join gives: behaviours, import edges and loads of DLLs as plain data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """One Python frame; each part is None when it could not be read."""

    file: str | None
    line: int | None
    function: str | None


@dataclass(frozen=True, slots=True)
class Owner:
    """The package answerable for an act; `origin` as in the trace's table `file`."""

    name: str
    version: str | None
    origin: str


STANDARD_LIBRARY = Owner("stdlib", None, "stdlib")
APPLICATION = Owner("application", None, "application")
UNKNOWN = Owner("unknown", None, "unknown")


@dataclass(frozen=True, slots=True)
class NativeFrame:
    """One native frame; `object` is None where nothing was mapped."""

    object: str | None
    symbol: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made what an act was done by or through: a thread, code, a descriptor or the like.

    `kind` and `subject` are those of the trace's table `provenance`; `object` is the DLL that made it.
    """

    kind: str
    subject: str
    owner: Owner
    object: str | None
    location: Frame | None
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beneath:
    """What is known of an act beneath Python.

    `order` is the mixed stack, innermost first, as `mixed.mix` gives it. `confidence` is exact, guessed or suspect, and
    None where no native stack was taken.
    """

    object: str | None = None
    frames: tuple[NativeFrame, ...] = ()
    order: tuple[str, ...] = ()
    confidence: str | None = None
    doubt: str | None = None
    made_by: Maker | None = None


NOTHING_BENEATH = Beneath()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One act of one owner in one process, counted over its repeats.

    The same act of several worker processes is one behaviour each, with the same `id`: it is made of what the act is
    (owner, category, kind, name, arguments, location) and of nothing that differs between runs, processes or versions.
    `module` is the one imported, or that of the file which a called Python function is in. `calls` has the arguments of
    calls of C functions that the act is known by an audit event of; None for one of which an argument was cut.
    """

    id: str
    owner: Owner
    category: str | None
    level: str
    kind: str
    name: str
    arguments: dict[str, object]
    is_truncated: bool
    result: object
    count: int
    failed: int
    first_ns: int
    last_ns: int
    process: int
    pid: int
    tid: int
    location: Frame | None
    python_stack: tuple[Frame, ...]
    signals: tuple[str, ...]
    module: str | None
    is_transitive: bool
    event: int
    chain: tuple[str, ...]
    beneath: Beneath = NOTHING_BENEATH
    calls: tuple[dict[str, object] | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """One import edge: `importer` is the importing package, `package` the one that the module belongs to.

    It is transitive when the importing frame is the standard library's, on behalf of the importer or of nobody.
    """

    importer: str
    module: str
    package: str | None
    category: str | None
    is_transitive: bool
    location: Frame | None
    count: int
    failed: int
    process: int
    event: int  # the first that told of it


@dataclass(frozen=True, slots=True)
class Load:
    """A DLL load that was seen.

    `way`: import, ctypes, dlopen, dlmopen, needed (by another DLL), by_hand (mapped without the loader), start (of a
    program). `loader` is the DLL whose code asked for it, or that needs it.
    """

    process: int
    path: str
    event: int
    owner: Owner
    location: Frame | None
    way: str = "dlopen"
    loader: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Everything joined; all behaviours have a category, `uncategorised` are those acts that have none."""

    behaviours: tuple[Behaviour, ...]
    imports: tuple[Import, ...]
    uncategorised: tuple[Behaviour, ...] = ()
    loads: tuple[Load, ...] = ()
    fates: Mapping[str, int] = field(default_factory=dict)
    """How many events were counted into a behaviour, joined one that others count, belong to an import, are an
    interpreter's own, or say nothing."""


def identify(owner: Owner, category: str | None, act: tuple[str, ...], text: str, location: Frame | None) -> str:
    """Give a behaviour's id; `act` is its kind, name and what else tells it apart, `text` its arguments as JSON."""
    place = (location.file, location.line, location.function) if location else None
    key = json.dumps([owner.name, category, *act, text, place], ensure_ascii=True)
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
