"""What a file could do, as data: one shape for the process that reads it, the cache and the trace."""

from dataclasses import dataclass, field
from typing import Final

IMPORT, CALL, DLL_IMPORT = "import", "call", "dll-import"
NEEDED, SYMBOL = "needed", "symbol"
"""Of a DLL: a library that it needs, a symbol that it takes from one; in `written`."""
IMPORT_CALLS: Final = frozenset({"__import__", "importlib.import_module", "importlib.__import__"})
KINDS: Final = (IMPORT, CALL, DLL_IMPORT)
_LENGTH: Final = 9
_MAX_TEXT: Final = 600
_MAX_LINE: Final = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Site:
    """A place that could import, call or load something.

    `written` and `level` are of an import statement, as it stands there; of an import by a call, `written` is what is
    called, one of IMPORT_CALLS. `function` is the qualified name of the code
    that the place is in, `first_line` that of its code object. A reference hands a function over for others to call.
    """

    kind: str
    name: str
    written: str = ""
    level: int = 0
    line: int = 0
    end_line: int = 0
    function: str = "<module>"
    first_line: int = 0
    is_reference: bool = False

    def to_json(self) -> list[object]:
        """Give it as plain JSON data."""
        return [getattr(self, name) for name in self.__slots__]


@dataclass(frozen=True, slots=True)
class FileAbilities:
    """What one file defines and could do; with a reason nothing of it is known."""

    functions: list[tuple[int, str]] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    reason: str | None = None


def abilities_from_json(value: object) -> FileAbilities:
    """Read them back. Raises TypeError or ValueError for what is none: they may come from anybody."""
    if isinstance(value, str):
        return FileAbilities(reason=value[:_MAX_TEXT])
    if not isinstance(value, dict):
        raise TypeError("no abilities")
    functions = [(_number(line), _text(name)) for line, name in value["functions"]]
    return FileAbilities(functions, sites_from_json(value["sites"]))


def sites_from_json(value: object) -> list[Site]:
    """Read sites back. Raises TypeError or ValueError."""
    if not isinstance(value, list):
        raise TypeError("no list of sites")
    return [_site(row) for row in value]


def _site(row: list[object]) -> Site:
    if len(row) != _LENGTH or row[0] not in KINDS:
        raise ValueError("no site")
    kind, name, written, level, line, end, function, first, is_reference = row
    return Site(
        _text(kind),
        _text(name),
        _text(written),
        _number(level),
        _number(line),
        _number(end),
        _text(function),
        _number(first),
        is_reference is True,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value[:_MAX_TEXT]


def _number(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= _MAX_LINE:
        raise ValueError("no number")
    return value
