"""What `pyxhon inspect` found out about files: the home of the schema `pyxhon.inspect/1`, and its JSON."""

from dataclasses import dataclass
from typing import Final, TextIO

from pyxhon.dossier.model import Dossier
from pyxhon.report.as_json import write_object
from pyxhon.report.model import list_fields

SCHEMA: Final = "pyxhon.inspect/1"


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """One file; `package` is null when it belongs to no distribution and not to the standard library."""

    path: str
    sha256: str | None
    build_id: str | None
    package: str | None
    version: str | None
    dossier: Dossier


@dataclass(frozen=True, slots=True)
class Inspection:
    """The files in the order in which they were named."""

    schema: str
    pyxhon: str
    files: list[InspectedFile]


def write_inspection_json(inspection: Inspection, out: TextIO) -> None:
    """Write the inspection as one UTF-8 object, a file per line."""
    write_object(list_fields(inspection), out)
