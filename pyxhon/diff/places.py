"""What two runs call differently though it is the same: where Python, its packages and the program lie, and pids."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pyxhon.diff.names import fold, fold_loosely, show_plainly
from pyxhon.report.model import Process, Report

_ROOT: Final = re.compile(r"(/.{1,400}?|)/lib(?:64)?/python3(?:\.[0-9]{1,2}t?)?/((?:site|dist)-packages/)?")
_SHARED: Final = frozenset({"", "/usr", "/usr/local"})
"""Folders that hold more than one Python: of them only what lies in lib/pythonX.Y is told alike."""
_NUMBER: Final = re.compile(r"(?<![0-9.])[0-9]{3,7}(?![0-9A-Za-z])")
_LEAST_PID: Final = 100
_CACHE_LIMIT: Final = 400_000

Roots = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Places:
    """How one side's texts are read: `roots` are prefixes, each with its word, `pids` its processes."""

    roots: Roots
    pids: frozenset[int]
    _plain: dict[str, str] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)
    _loose: dict[str, str] = field(default_factory=dict)

    def plain(self, text: str) -> str:
        """Fold what is noise in any run."""
        found = self._plain.get(text)
        if found is None:
            found = _put(self._plain, text, fold(self._move(text)))
        return found

    def known(self, text: str) -> str:
        """Fold the numbers of this side's processes, too."""
        found = self._known.get(text)
        if found is None:
            found = _put(self._known, text, fold(self._fold_pids(self._move(text))))
        return found

    def loose(self, text: str) -> str:
        """Fold what could be a random name, too."""
        found = self._loose.get(text)
        if found is None:
            found = _put(self._loose, text, fold_loosely(self._fold_pids(self._move(text))))
        return found

    def _move(self, text: str) -> str:
        for prefix, word in self.roots:
            if text.startswith(prefix):
                return word + text[len(prefix) :]
        return text

    def _fold_pids(self, text: str) -> str:
        return _NUMBER.sub(lambda found: "<pid>" if int(found[0]) in self.pids else found[0], text)


def _put(cache: dict[str, str], text: str, folded: str) -> str:
    if len(cache) >= _CACHE_LIMIT:
        cache.clear()
    cache[text] = folded
    return folded


def find_places(first: Report, second: Report) -> tuple[Places, Places]:
    """Find what lies elsewhere on the two sides; what only one of them has is told apart."""
    files = _list_files(first), _list_files(second)
    roots: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for is_packages, word in ((False, "<python>"), (True, "<environment>")):
        pair = _find_pair(_count_roots(files[0], is_packages), _count_roots(files[1], is_packages))
        for number, root in enumerate(pair or ()):
            roots[number].extend(_name_root(root, word))
    folders = _find_program(first), _find_program(second)
    if None not in folders and folders[0] != folders[1]:
        for side, folder in zip(roots, folders, strict=True):
            side.append((f"{folder}/", "<program>/"))
    return _make(roots[0], first), _make(roots[1], second)


def _make(roots: list[tuple[str, str]], report: Report) -> Places:
    numbers = {row.pid for row in report.processes} | {row.tid for row in report.behaviours}
    longest_first = sorted(dict.fromkeys(roots), key=lambda root: -len(root[0]))
    return Places(tuple(longest_first), frozenset(number for number in numbers if number >= _LEAST_PID))


def _name_root(root: str, word: str) -> list[tuple[str, str]]:
    names = [(f"{root}/lib/python", f"{word}/lib/python"), (f"{root}/lib64/python", f"{word}/lib/python")]
    return names if root in _SHARED else [*names, (f"{root}/", f"{word}/")]


def _list_files(report: Report) -> list[str]:
    files = {row.path for row in report.dlls}
    files.update(row.location.file for row in report.behaviours if row.location and row.location.file)
    files.update(row.location.file for row in report.imports if row.location and row.location.file)
    return sorted(files)


def _count_roots(files: Iterable[str], is_packages: bool) -> Counter[str]:  # noqa: FBT001 - a column of a table
    found = (_ROOT.match(file) for file in files)
    return Counter(match[1] for match in found if match and bool(match[2]) is is_packages)


def _find_pair(first: Counter[str], second: Counter[str]) -> tuple[str, str] | None:
    """Give the folder that each side has most of its files in, if the other one has none there."""
    only_first = Counter({root: count for root, count in first.items() if root not in second})
    only_second = Counter({root: count for root, count in second.items() if root not in first})
    if not only_first or not only_second:
        return None
    return _most(only_first), _most(only_second)


def _most(roots: Counter[str]) -> str:
    return min(roots, key=lambda root: (-roots[root], root))


def _find_program(report: Report) -> str | None:
    """Give the folder of the program that the first Python process runs, where its command line names it."""
    process = next((row for row in report.processes if row.interpreter), None)
    script = _find_script(process) if process else None
    folder = posixpath.dirname(posixpath.normpath(show_plainly(script))) if script else ""
    return folder if folder.count("/") > 1 else None


def _find_script(process: Process) -> str | None:
    return next((word for word in process.argv[1:] if word.startswith("/")), None)
