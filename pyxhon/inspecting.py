"""What `pyxhon inspect` does: says of files what they say of themselves, and whose they are. Runs nothing of them."""

import logging
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyxhon
from pyxhon.dossier.budget import FILE_SECONDS, Allowance
from pyxhon.dossier.examine import examine
from pyxhon.errors import ElfError
from pyxhon.packages import PackageIndex
from pyxhon.report.inspection import SCHEMA, InspectedFile, Inspection
from pyxhon.report.output import write_inspection
from pyxhon.target.elf import open_regular_file
from pyxhon.target.root import open_own_root

INSPECTED, FAILED = 0, 1
_FILE_BYTES: Final = 1 << 32
_logger = logging.getLogger(__name__)


def inspect_files(paths: Iterable[str], inspection_format: str) -> int:
    """Print what the files say; one that cannot be read is named on standard error, and the status is 1."""
    files: list[InspectedFile] = []
    failures: list[str] = []
    with open_own_root() as root:
        index = PackageIndex(root, [])
        for path in paths:
            try:
                files.append(inspect_file(path, index))
            except ElfError as error:
                failures.append(str(error))
            except OSError as error:
                failures.append(f"{path} cannot be read: {error.strerror}")
    if files:
        write_inspection(Inspection(SCHEMA, pyxhon.__version__, files), inspection_format)
    for failure in failures:
        _logger.error("%s", failure)
    return FAILED if failures else INSPECTED


def inspect_file(path: str, index: PackageIndex) -> InspectedFile:
    """Examine one file and find its owner; raises ElfError for what is no ELF file, and OSError."""
    descriptor = open_regular_file(path)
    try:
        examined = examine(descriptor, path, Allowance(_FILE_BYTES, FILE_SECONDS))
    finally:
        os.close(descriptor)
    absolute = str(Path(path).absolute())
    if examined.sha256 is None:
        owner, record = index.owner_of(absolute), None
    else:
        owner, record = index.check_file(absolute, examined.sha256)
    package = owner.package if owner.origin in {"distribution", "stdlib"} else None
    dossier = replace(examined.dossier, record=record)
    return InspectedFile(absolute, examined.sha256, examined.build_id, package, owner.version, dossier)
