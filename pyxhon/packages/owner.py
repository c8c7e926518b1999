"""Whose file it is: the answer that becomes a row of the trace's table `file`."""

import posixpath
from dataclasses import dataclass, replace

DISTRIBUTION = "distribution"
APPLICATION = "application"
STANDARD_LIBRARY = "stdlib"
DLL = "dll"
UNKNOWN = "unknown"
AS_RECORDED, CHANGED, NOT_RECORDED = "as recorded", "changed since installation", "not in RECORD"


@dataclass(frozen=True, slots=True)
class FileOwner:
    """The package that a file belongs to.

    `origin` is one of "distribution", "application", "stdlib", "dll", "unknown"; `package` is the name as its
    METADATA writes it, the file name of a DLL, or the origin. `module` is the dotted module name of a Python file.
    `detail` holds what else is worth telling, each key only where it applies:

    - generated: the file is not there; code made by exec or eval, or a deleted file
    - record: "not in RECORD", "changed since installation" or "not checked: why"
    - vendored: the name of the package that this is a copy of
    - editable: the project directory of an editable install
    - archive: the zip file that the code lies in
    - compiled_as: the path that a .pyc without source carries from where it was compiled
    - installer: "debian PACKAGE" or "conda", where that database told the owner
    - reason: why the owner is not known
    """

    origin: str
    package: str
    version: str | None = None
    module: str | None = None
    detail: dict[str, object] | None = None

    @property
    def is_vouched_for(self) -> bool:
        """Tell whether an installer's record names this very file, so that its absence means it was removed."""
        detail = self.detail or {}
        return self.origin == DISTRIBUTION and detail.get("record") != NOT_RECORDED and "editable" not in detail

    def with_detail(self, key: str, value: object) -> "FileOwner":
        """Give the same owner with one more detail."""
        return replace(self, detail={**(self.detail or {}), key: value})


def application(module: str | None, detail: dict[str, object] | None = None) -> FileOwner:
    """Give the owner of a file that belongs to no distribution."""
    return FileOwner(APPLICATION, APPLICATION, None, module, detail)


def standard_library(module: str | None, detail: dict[str, object] | None = None) -> FileOwner:
    """Give the owner of a file of the standard library."""
    return FileOwner(STANDARD_LIBRARY, STANDARD_LIBRARY, None, module, detail)


def dll(path: str, detail: dict[str, object] | None = None) -> FileOwner:
    """Give the owner of native code that belongs to no distribution: its own file name."""
    return FileOwner(DLL, posixpath.basename(path) or path, None, None, detail)
