"""Reads what the distributions of a run could do: file by file, those that ran first, within a budget of time."""

import hashlib
import importlib.util
import posixpath
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyxhon.abilities.libraries import read_library
from pyxhon.abilities.model import FileAbilities, abilities_from_json
from pyxhon.abilities.remembered import Remembered
from pyxhon.dossier.budget import FILE_SECONDS, Allowance, Budget
from pyxhon.packages.files import MAX_FILES, InstalledFile, files_below, is_code
from pyxhon.packages.index import PackageIndex
from pyxhon.packages.names import is_dll_name
from pyxhon.packages.parser import Parser, ParserError
from pyxhon.target.root import TargetRoot
from pyxhon.trace.rows import AbilityRow

SOURCE_BYTES: Final = 2 << 20
SECONDS: Final = 2.0
NO_TIME: Final = "no time left"
SYNTAX_ERROR: Final = "its source cannot be parsed: SyntaxError"
TOO_LARGE: Final = f"it has more than {SOURCE_BYTES >> 20} MiB"
_START: Final = "import sys; sys.path += sys.argv[1:]; from pyxhon.abilities.{} import main; main()"
_DISASSEMBLER: Final = "xdis"
_COMPILED: Final = re.compile(r"\.cpython-(\d+)\.pyc")
_MAX_CACHED_NAMES: Final = 10_000
_TESTS: Final = re.compile(r"(?:^|/)(?:tests?|testing|conftest\.py)(?:/|$)|(?:^|/)test_[^/]*$")
MAX_ALL_SITES: Final = 400_000
_MAX_ALL_FILES: Final = 60_000
_MAX_STARTS: Final = 32
SeenFile = tuple[int, str, str, str | None, str | None, bool]
"""As `Store.distribution_files` gives it: root, path, package, version, module, whether it lies in an archive."""


@dataclass(slots=True)
class _Distribution:
    """One distribution of the run: which of its files were seen, and all that it installed."""

    root: int
    package: str
    version: str | None
    seen: dict[str, str | None] = field(default_factory=dict)  # path → module
    archived: set[str] = field(default_factory=set)
    files: dict[str, InstalledFile] = field(default_factory=dict)
    left_out: int = 0  # files and folders that were too many

    @property
    def identity(self) -> str:
        """What tells it from others: what is remembered goes by the content of files besides."""
        return f"{self.package}\0{self.version}"


@dataclass(frozen=True, slots=True)
class Roots:
    """How files of a target are reached: its trees, and who installed what there."""

    root: Callable[[int], TargetRoot]
    index: Callable[[int], PackageIndex]


def read_abilities(seen: Iterable[SeenFile], roots: Roots, wanted: bytes, seconds: float = SECONDS) -> list[AbilityRow]:
    """Give a row for each file that the distributions of the seen files installed; `wanted` as `describe_wanted`."""
    distributions = _gather(seen)
    left = _MAX_ALL_FILES
    for each in distributions:
        _list_files(each, roots, min(left, MAX_FILES))
        left -= len(each.files)
    with (
        Parser(_command("source_program"), wanted, _MAX_STARTS) as parser,
        Parser(_command("compiled_program"), wanted, _MAX_STARTS) as disassembler,
    ):
        reading = _Reading((parser, disassembler), roots, Allowance(seconds=seconds), wanted)
        rows = [reading.read(each, file) for each, file in _in_order(distributions)]
        reading.keep()
    return rows + [_tell_left_out(each) for each in distributions if each.left_out]


def _tell_left_out(each: _Distribution) -> AbilityRow:
    """Give the row that stands for what was too much to be looked at."""
    reason = f"{each.left_out} files or folders are beyond the bound of {MAX_FILES}"
    return AbilityRow(each.root, f"<more of {each.package}>", each.package, each.version, None, None, None, reason)


def _command(program: str) -> list[str]:
    """Give the command of a process that reads; what it imports is ours and the disassembler."""
    found = importlib.util.find_spec(_DISASSEMBLER)
    places = [Path(__file__).parents[2], *(Path(found.origin).parents[1:2] if found and found.origin else ())]
    return [sys.executable, "-I", "-S", "-c", _START.format(program), *map(str, places)]


def _gather(seen: Iterable[SeenFile]) -> list[_Distribution]:
    found: dict[tuple[int, str, str | None], _Distribution] = {}
    for root, path, package, version, module, is_archived in seen:
        if path.startswith("/"):
            each = found.setdefault((root, package, version), _Distribution(root, package, version))
            each.seen[path] = module
            if is_archived:
                each.archived.add(path)
    return list(found.values())


def _list_files(each: _Distribution, roots: Roots, limit: int) -> None:
    """Gather its files: those that ran under the names that they have there."""
    index, root = roots.index(each.root), roots.root(each.root)
    spellings = {root.resolve(path): path for path in each.seen}
    names = {module: path for path, module in each.seen.items() if module and not is_dll_name(path)}
    for path, module in each.seen.items():
        if is_code(path):
            each.files[path] = InstalledFile(path, module)
    recorded: list[InstalledFile] | None = None
    for path in each.seen:
        if path not in each.archived and (recorded := index.files_of(path)) is not None:
            break
    if recorded is None:
        below, each.left_out = files_below(root, _tops(each))
        recorded = [file for file in below if index.owner_of(file.path).package == each.package]
    for file in recorded:
        if len(each.files) >= limit:
            each.left_out += 1
            continue
        known = spellings.get(file.path) or (names.get(file.module or "") if not is_dll_name(file.path) else None)
        each.files[known or file.path] = file
    for path in [path for path in each.files if path.endswith(".pyc") and path[:-1] in each.files]:
        del each.files[path]


def _tops(each: _Distribution) -> list[tuple[str, str]]:
    """Give the folders of the outermost packages of the files that were seen."""
    found = {}
    for path, module in each.seen.items():
        if module is None or path in each.archived:
            continue
        parts = module.split(".")
        is_package = posixpath.basename(path).startswith("__init__.")
        folder = posixpath.dirname(path)
        for _ in range(len(parts) - (1 if is_package else 2)):
            folder = posixpath.dirname(folder)
        if (is_package or len(parts) > 1) and posixpath.basename(folder) == parts[0]:
            found[folder] = parts[0]
    return list(found.items())


def _in_order(distributions: list[_Distribution]) -> Iterator[tuple[_Distribution, str]]:
    """Give all files: those that ran, then the others, tests last."""
    files = [(each, path) for each in distributions for path in each.files]
    return iter(
        sorted(files, key=lambda item: (item[1] not in item[0].seen, bool(_TESTS.search(item[1])), item[0].package))
    )


class _Reading:
    """Reads one file after the other, from the cache where that knows it."""

    def __init__(self, parsers: tuple[Parser, Parser], roots: Roots, allowance: Allowance, wanted: bytes) -> None:
        self._parser, self._disassembler = parsers
        self._roots = roots
        self._allowance = allowance
        self._wanted = wanted
        self._remembered: dict[str, Remembered] = {}
        self._sites_left = MAX_ALL_SITES

    def read(self, each: _Distribution, path: str) -> AbilityRow:
        """Read one file."""
        file = each.files[path]
        budget = self._allowance.begin_file()
        if path in each.archived:
            found = FileAbilities(reason="it lies in an archive")
        elif budget is None:
            found = FileAbilities(reason=NO_TIME)
        else:
            try:
                found = self._read(each, file.path, budget)
            finally:
                self._allowance.end_file(budget)
        if len(found.sites) > self._sites_left:
            found = FileAbilities(reason=f"there are more than {MAX_ALL_SITES} places already")
        self._sites_left -= len(found.sites)
        sites = [site.to_json() for site in found.sites]
        return AbilityRow(
            each.root, path, each.package, each.version, file.module, found.functions, sites, found.reason
        )

    def _read(self, each: _Distribution, path: str, budget: Budget) -> FileAbilities:
        root = self._roots.root(each.root)
        if is_dll_name(path):
            return read_library(root, path, budget)
        source = root.read_file(path, SOURCE_BYTES)
        if source is None:
            status = root.status(path)
            return FileAbilities(reason="no such file" if status is None else _why_unread(root, path))
        if path.endswith(".pyc"):
            return self._answer(each, source, budget, self._disassembler)
        found = self._answer(each, source, budget, self._parser)
        if found.reason == SYNTAX_ERROR and (compiled := _read_compiled(root, path)) is not None:
            bytecode = self._answer(each, compiled, budget, self._disassembler)
            found = bytecode if bytecode.reason is None else found
        return found

    def _answer(self, each: _Distribution, source: bytes, budget: Budget, parser: Parser) -> FileAbilities:
        remembered = self._remember(each)
        digest = hashlib.sha256(source).hexdigest()
        known = remembered.recall(digest)
        if known is not None:
            try:
                return abilities_from_json(known)
            except (TypeError, ValueError, KeyError):
                known = None
        return self._ask(source, digest, remembered, (parser, budget))

    def _ask(self, source: bytes, digest: str, remembered: Remembered, means: tuple[Parser, Budget]) -> FileAbilities:
        parser, budget = means
        if parser.is_spent:
            return FileAbilities(reason="the parser died too often")
        try:
            answer = parser.ask(source, budget)
            found = abilities_from_json(answer)
        except (ParserError, TypeError, ValueError, KeyError):
            parser.stop()
            is_late = budget.seconds_left <= 0 and budget.seconds_used < FILE_SECONDS
            return FileAbilities(reason=NO_TIME if is_late else "its source is too much for the parser")
        remembered.add(digest, answer)
        return found

    def _remember(self, each: _Distribution) -> Remembered:
        if each.identity not in self._remembered:
            self._remembered[each.identity] = Remembered(each.identity, self._wanted)
        return self._remembered[each.identity]

    def keep(self) -> None:
        """Write down what is new."""
        for each in self._remembered.values():
            each.keep()


def _read_compiled(root: TargetRoot, path: str) -> bytes | None:
    """Give the newest bytecode that CPython keeps of a source beside it."""
    folder, name = posixpath.split(path)
    cached = posixpath.join(folder, "__pycache__")
    stem = name.rpartition(".")[0]
    names = root.list_directory(cached, _MAX_CACHED_NAMES) or []
    versions = {int(each[1]): each.string for name in names if (each := _COMPILED.fullmatch(name.removeprefix(stem)))}
    if not versions:
        return None
    return root.read_file(posixpath.join(cached, stem + versions[max(versions)]), SOURCE_BYTES)


def _why_unread(root: TargetRoot, path: str) -> str:
    return TOO_LARGE if root.is_file(path) else "it is no regular file"
