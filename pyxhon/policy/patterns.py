"""What a policy's patterns match: names, paths and DLLs. Peers are in `peers.py`.

The strings that are matched were chosen by the traced program. So a pattern matches the meaning of a
path, not its spelling, and what cannot be told (a relative path, a link of /proc) is not matched.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from pyxhon.errors import FunctionNameError
from pyxhon.python_functions import PythonPattern, is_python_name, parse_python_pattern

_WILDCARDS = re.compile(r"[*?\[]")
# Whose home a path lies in is not in a trace, and a policy is judged anywhere: ~ is any home.
_HOMES = ("/root", "/home/*")
_PROCESS_DIRECTORIES = re.compile(r"self|thread-self|[0-9]+")
_PROCESS_LINKS = frozenset({"root", "cwd", "exe", "fd", "map_files"})


def has_wildcard(text: str) -> bool:
    """Tell whether a pattern may match more than one name."""
    return _WILDCARDS.search(text) is not None


class BadPatternError(ValueError):
    """A pattern that cannot be meant; the message says why, `remedy` what to write."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A dotted name, exact or with `*` and `?`, which stand for dots, too."""

    text: str

    @property
    def specificity(self) -> tuple[int, int]:
        """Rank among patterns: a whole name first, then by the number of literal characters."""
        if _WILDCARDS.search(self.text):
            return (0, len(_WILDCARDS.sub("", self.text)))
        return (1, len(self.text))

    def matches(self, name: str) -> bool:
        """Tell whether this is the name."""
        return _glob(self.text).fullmatch(name) is not None

    def matches_module(self, module: str) -> bool:
        """Tell whether this is the module, or a package above it."""
        if self.matches(module):
            return True
        return not _WILDCARDS.search(self.text) and module.startswith(self.text + ".")


@dataclass(frozen=True, slots=True)
class PathPattern:
    """An absolute path with `*`, `?` and `[…]` within a folder and `**` for any number of folders."""

    text: str
    alternatives: tuple[tuple[str, ...], ...]  # segments

    def matches(self, path: "PlainPath") -> bool:
        """Tell whether the path is meant."""
        return any(_match_segments(segments, path) for segments in self.alternatives)


@dataclass(frozen=True, slots=True)
class PlainPath:
    """An absolute path without `.`, `..` and doubled slashes."""

    segments: tuple[str, ...]
    links: frozenset[int]  # segments that the kernel makes a link to anywhere: only a literal matches them


@dataclass(frozen=True, slots=True)
class Dll:
    """A DLL as it is asked for: by path, or by a name that the loader looks for."""

    file_name: str
    path: PlainPath | None


@dataclass(frozen=True, slots=True)
class DllPattern:
    """A DLL: a path pattern, or without a slash a pattern for the file name alone."""

    text: str
    path: PathPattern | None

    def matches(self, dll: Dll) -> bool:
        """Tell whether the DLL is meant."""
        if self.path is None:
            return _glob(self.text).fullmatch(dll.file_name) is not None
        return dll.path is not None and self.path.matches(dll.path)


def parse_name(text: str) -> NamePattern:
    """Read the pattern of a function, an audit event or a module."""
    if not re.fullmatch(r"[\w.*?/<>-]+", text):
        raise BadPatternError("this is no dotted name", "write it as in 'socket.socket.send' or 'os.*'")
    return NamePattern(text)


def parse_function(text: str) -> NamePattern | PythonPattern:
    """Read the pattern of a function: with a colon, of one that is written in Python."""
    if not is_python_name(text):
        return parse_name(text)
    try:
        return parse_python_pattern(text)
    except FunctionNameError as error:
        raise BadPatternError(str(error.args[0]), error.remedy) from error


def parse_path(text: str) -> PathPattern:
    """Read the pattern of a path."""
    if text == "~" or text.startswith("~/"):
        starts = [home + text[1:] for home in _HOMES]
    elif text == "**" or text.startswith(("/", "**/")):
        starts = [text]
    else:
        raise BadPatternError("a path pattern begins with /, ~/ or **/", f"write **/{text.lstrip('./')} for any folder")
    return PathPattern(text, tuple(_read_segments(start) for start in starts))


def parse_dll(text: str) -> DllPattern:
    """Read the pattern of a DLL."""
    return DllPattern(text, parse_path(text) if "/" in text else None)


def read_dll(text: str, directory: str | None) -> Dll:
    """Read the DLL that an act asks for."""
    return Dll(text.rpartition("/")[2], plain_path(text, directory) if "/" in text else None)


def plain_path(text: str, directory: str | None) -> PlainPath | None:
    """Give the meaning of a path; None when it cannot be told.

    `..` is taken as text: where a link leads is not in an audit event.
    """
    if "\0" in text:
        return None
    if not text.startswith("/"):
        # Objects that are no text are shown as <their type>; they may name anything.
        if directory is None or not directory.startswith("/") or (text.startswith("<") and text.endswith(">")):
            return None
        text = f"{directory}/{text}"
    segments: list[str] = []
    for segment in text.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return PlainPath(tuple(segments), _find_links(segments))


def _read_segments(text: str) -> tuple[str, ...]:
    if text.endswith("/") and text != "/":
        raise BadPatternError(
            "a path pattern does not end in /", f"write {text[:-1]} for the folder or {text}** for all beneath it"
        )
    segments = tuple(segment for segment in text.split("/") if segment)
    for segment in segments:
        if segment in (".", ".."):
            raise BadPatternError("a path pattern has no . or .. in it", "write the path that is meant")
        if "**" in segment and segment != "**":
            raise BadPatternError("** stands alone between slashes", "write /**/ or a single *")
    return segments


def _find_links(segments: Sequence[str]) -> frozenset[int]:
    # The links of proc(5) lead anywhere: "/proc/**" must not allow /proc/self/root/etc/shadow.
    if len(segments) > 2 and segments[0] == "dev" and segments[1] == "fd":  # noqa: PLR2004 - something beneath
        return frozenset({2})
    if len(segments) < 3 or segments[0] != "proc" or not _PROCESS_DIRECTORIES.fullmatch(segments[1]):  # noqa: PLR2004
        return frozenset()
    at = 4 if segments[2] == "task" else 2
    return frozenset({at}) if len(segments) > at and segments[at] in _PROCESS_LINKS else frozenset()


def _match_segments(pattern: Sequence[str], path: PlainPath) -> bool:
    """Match by a table of reachable positions: it takes pattern times path steps, whatever is in them."""
    if pattern == ("**",):
        return True  # everything, wherever a link may lead
    reached = {0}
    for wanted in pattern:
        if wanted == "**":
            reached = _skip_folders(reached, path)
        else:
            reached = {at + 1 for at in reached if at < len(path.segments) and _match_segment(wanted, at, path)}
        if not reached:
            return False
    return len(path.segments) in reached


def _skip_folders(reached: set[int], path: PlainPath) -> set[int]:
    skipped: set[int] = set()
    for start in sorted(reached):
        at = start
        while at not in skipped:
            skipped.add(at)
            if at == len(path.segments) or at in path.links:
                break
            at += 1
    return skipped


def _match_segment(wanted: str, at: int, path: PlainPath) -> bool:
    segment = path.segments[at]
    if at in path.links:
        return wanted == segment
    return _glob(wanted).fullmatch(segment) is not None


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    # fnmatch.translate does not backtrack (3.9 and later), so a hostile name costs no more than another.
    return re.compile(translate(pattern))
