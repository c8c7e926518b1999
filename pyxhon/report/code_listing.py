"""What `pyxhon report TRACE --code HASH` shows: one captured code object, where it comes from, what it did."""

from dataclasses import dataclass
from typing import Any, Final, TextIO

from pyxhon.report.as_json import write_object
from pyxhon.report.model import CodeStep, Location, list_fields

SCHEMA: Final = "pyxhon.code/1"


@dataclass(frozen=True, slots=True)
class CodeAct:
    """A behaviour that has the code object in its stack."""

    id: str
    name: str
    args: dict[str, object]
    count: int
    location: Location | None


@dataclass(frozen=True, slots=True)
class CodePlace:
    """A place of the code object in memory of a process: what it called itself, and how it came to be."""

    pid: int
    file: str | None
    name: str | None
    loaded: bool
    origin: list[CodeStep]


@dataclass(frozen=True, slots=True)
class CodeListing:
    """One captured code object."""

    schema: str
    pyxhon: str
    hash: str
    version: str
    name: str | None
    line: int
    places: list[CodePlace]
    acts: list[CodeAct]
    argument_count: int
    positional_only_count: int
    keyword_only_count: int
    flags: int
    stack_size: int
    names: list[Any]
    variables: list[Any]
    cells: list[Any]
    free: list[Any]
    constants: list[Any]
    bytecode: str
    bytecode_bytes: int
    line_table: str
    exception_table: str
    exceptions: list[str]
    unresolved: int
    missing: int
    disassembly: list[str]


def write_code_json(listing: CodeListing, out: TextIO) -> None:
    """Write the listing as one UTF-8 object; bytes are hexadecimal."""
    write_object(list_fields(listing), out)
