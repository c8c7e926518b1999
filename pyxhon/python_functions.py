"""Names of Python functions: `MODULE:QUALNAME` with globs, and which code objects go by them."""

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final

from pyxhon.errors import FunctionNameError

MAIN: Final = "__main__"
UNKNOWN = "?"
"""What stands for a file or a name that could not be read."""
UNKNOWN_OUTER: Final = "…."
"""What stands before a name of which the classes and functions around it are not known (up to 3.10)."""
_LONGEST_PART: Final = 256
_PART: Final = re.compile(r"[\w*?<>-]+(?:\.[\w*?<>-]+)*")
_WILDCARDS: Final = re.compile(r"[*?]")
_REMEDY: Final = "write MODULE:QUALNAME, as in requests.sessions:Session.send or evil*:*"


@dataclass(frozen=True, slots=True)
class PythonPattern:
    """Functions of modules; `*` and `?` stand for any characters, dots included, but never for the colon."""

    text: str
    module: str
    function: str

    @property
    def specificity(self) -> tuple[int, int]:
        """Rank among patterns: a whole name first, then by the number of literal characters."""
        literal = _WILDCARDS.sub("", self.text)
        return (int(literal == self.text), len(literal))

    def match(self, module: str, function: str) -> bool | None:
        """Tell whether a function of a module is meant; None: it may be, what stands around it is not known."""
        if _glob(self.module).fullmatch(module) is None:
            return False
        if function.startswith(UNKNOWN_OUTER):
            return self._match_last(function.removeprefix(UNKNOWN_OUTER))
        return _glob(self.function).fullmatch(function) is not None

    def matches(self, name: str) -> bool:
        """Tell whether this is for certain a function that is meant; one without a colon is none of Python's."""
        module, colon, function = name.partition(":")
        return bool(colon) and self.match(module, function) is True

    def _match_last(self, name: str) -> bool | None:
        # What is not known is nothing, or ends in a dot: the rest of the pattern begins after what can be that dot.
        begins = [at if sign == "*" else at + 1 for at, sign in enumerate(self.function) if sign in ".?*"]
        if all(_glob(self.function[begin:]).fullmatch(name) is None for begin in (0, *begins)):
            return False
        is_certain = self.function.startswith("*") and _glob(self.function).fullmatch(name) is not None
        return True if is_certain else None


def is_python_name(text: str) -> bool:
    """Tell whether a name is written as a Python function's, and not as a C function's."""
    return ":" in text


def parse_python_pattern(text: str) -> PythonPattern:
    """Read `MODULE:QUALNAME`. Raises FunctionNameError, whose message leaves it to others to repeat the text."""
    module, _, function = text.partition(":")
    if text.count(":") != 1:
        raise FunctionNameError("a Python function's name has one colon", _REMEDY)
    for what, part in (("module", module), ("function", function)):
        if not part:
            raise FunctionNameError(f"the {what} is missing", "write * for any")
        if len(part) > _LONGEST_PART:
            raise FunctionNameError(f"the {what} has more than {_LONGEST_PART} characters", "write * for its middle")
        if not _PART.fullmatch(part):
            raise FunctionNameError(f"the {what} is no dotted name", _REMEDY)
    return PythonPattern(text, module, function)


def wanted_patterns(names: Iterable[str]) -> tuple[PythonPattern, ...]:
    """Give the patterns of those names that are Python functions', each once. Raises FunctionNameError."""
    return tuple(parse_python_pattern(name) for name in dict.fromkeys(names) if is_python_name(name))


def literal_last_names(patterns: Sequence[PythonPattern]) -> frozenset[str] | None:
    """Give what code objects are called that the patterns mean; None where one of them leaves it open."""
    last = [pattern.function.rpartition(".")[2] for pattern in patterns]
    return None if any(_WILDCARDS.search(name) or not name.isascii() for name in last) else frozenset(last)


def module_names_of(file: str | None, known_modules: Sequence[str], *, is_main: bool) -> tuple[str, ...]:
    """Give the names that the module of a code object goes by, the first of them before all others.

    That is `__main__` for the file that the program began with, and its module names as they are known. Without one it
    is the last part of the file's name, as in `<string>` for code that was executed from text.
    """
    names = [MAIN] if is_main else []
    return tuple(dict.fromkeys((*names, *(known_modules or (_name_of_file(file),)))))


def partial_name(name: str) -> str:
    """Give the name of a function of which only the last part is known; a module's code is in nothing."""
    return name if name == "<module>" else UNKNOWN_OUTER + name


def decide(patterns: Iterable[PythonPattern], modules: Sequence[str], function: str) -> tuple[str, ...]:
    """Give the texts of the patterns that mean a function, or may mean it; none: it is not wanted.

    `modules` are what `module_names_of` gives, `function` is a qualified name, what `partial_name` gives, or UNKNOWN.
    """
    return tuple(pattern.text for pattern in patterns if any(_may_be(pattern, each, function) for each in modules))


def call_name(patterns: Sequence[PythonPattern], modules: Sequence[str], function: str) -> str:
    """Give the name that calls of a wanted function go by: with the first module name by which it is wanted."""
    wanted = (each for each in modules if any(_may_be(pattern, each, function) for pattern in patterns))
    return f"{next(wanted, modules[0])}:{function}"


def suggest_python_name(asked: str) -> str | None:
    """Write a dotted name as a Python function's: the first part in capitals, else the last, begins what is in it."""
    parts = asked.split(".")
    if len(parts) == 1 or not all(part.isidentifier() for part in parts):
        return None
    at = next((at for at, part in enumerate(parts) if at and part[0].isupper()), len(parts) - 1)
    return f"{'.'.join(parts[:at])}:{'.'.join(parts[at:])}"


def _may_be(pattern: PythonPattern, module: str, function: str) -> bool:
    return pattern.match(module, function) is not False


def _name_of_file(file: str | None) -> str:
    if not file:
        return UNKNOWN
    name = file if file.startswith("<") else posixpath.basename(file)
    return name[:_LONGEST_PART].replace(":", "_") or UNKNOWN


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))  # it does not backtrack (3.9 and later): a hostile name costs no more
