"""Policy files and category tables: YAML → `Policy` and `CategoryTables`.

A file is read as untrusted: bounded, without tags and aliases, every mistake with its line and column.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pyxhon.categories import CategoryTables
from pyxhon.errors import PolicyError
from pyxhon.policy.entries import parse_package
from pyxhon.policy.keys import ACTIONS, POLICY_KEYS, Action
from pyxhon.policy.model import FunctionRule, NameRule, PackageRules, Policy
from pyxhon.policy.nodes import Node, Place, read_entries, read_fields, read_items, read_text, refuse, show, suggest
from pyxhon.policy.sequences import SequenceRule, parse_sequences
from pyxhon.policy.tables import TABLE_KEYS, parse_tables
from pyxhon.resources import policies_directory

_AnyRule = TypeVar("_AnyRule", bound=NameRule | FunctionRule)
_BUILTIN = "builtin:"
_TABLES = "categories"
_SEQUENCES = "sequences"
_MOST_BYTES = 1 << 20
_MOST_NODES = 50_000
_DEEPEST = 16
_MOST_FILES = 64

# libyaml's parser is ten times as quick, which the first event waits for.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class _File:
    """A policy file: where it is, and what messages and reports call it."""

    path: Path
    label: str


@dataclass(slots=True)
class _Reading:
    """What has been read so far, in the order in which later entries go over earlier ones."""

    files: list[str] = field(default_factory=list)
    paths: set[Path] = field(default_factory=set)
    packages: dict[str, PackageRules] = field(default_factory=dict)
    sequences: dict[str, SequenceRule] = field(default_factory=dict)
    on_violation: Action | None = None


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end is not read yet."""

    place: Place
    is_mapping: bool
    children: list[Node] = field(default_factory=list)


@lru_cache(maxsize=1)
def load_categories() -> CategoryTables:
    """Read the category tables that come with PyXhon."""
    file = _File(policies_directory() / f"{_TABLES}.yaml", f"policies/{_TABLES}.yaml")
    root = _read_document(file)
    fields = read_fields(root, ("version", *TABLE_KEYS))
    _check_version(fields, root)
    for key in TABLE_KEYS:
        if key not in fields:
            raise refuse(f"key '{key}' is missing", root.place)
    return parse_tables(fields)


def load_policy(name: str | Path) -> Policy:
    """Read a policy with all that it extends; `builtin:NAME` is one that comes with PyXhon."""
    return load_policies([name])


def load_policies(names: Iterable[str | Path]) -> Policy:
    """Read several policies as one; what a later one says goes over what an earlier one says."""
    reading = _Reading()
    for name in names:
        text = str(name)
        file = _find_builtin(text, None) if text.startswith(_BUILTIN) else _File(Path(text), text)
        _read_policy(file, reading, ())
    return _finish(reading)


def read_policy(data: bytes, label: str) -> Policy:
    """Read a policy that is no file yet; `label` is what its places are called by."""
    reading = _Reading()
    _read_root(_read_data(data, label), _File(Path(label), label), reading, ())
    return _finish(reading)


def _finish(reading: _Reading) -> Policy:
    entries = sorted(reading.packages.values(), key=lambda entry: entry.key.specificity, reverse=True)
    return Policy(
        tuple(reading.files),
        tuple(entries),
        load_categories(),
        tuple(reading.sequences.values()),
        reading.on_violation,
    )


@lru_cache(maxsize=1)
def load_builtin_sequences() -> tuple[SequenceRule, ...]:
    """Read the sequences that are looked for under any policy, and without one."""
    return load_policy(_BUILTIN + _SEQUENCES).sequences


def list_builtin_policies() -> tuple[str, ...]:
    """Give the names of the policies that come with PyXhon."""
    return tuple(sorted(path.stem for path in policies_directory().glob("*.yaml") if path.stem != _TABLES))


def _read_policy(file: _File, reading: _Reading, chain: tuple[Path, ...]) -> None:
    path = _resolve(file)
    if path in reading.paths:
        return
    if len(reading.files) + len(chain) >= _MOST_FILES:
        raise PolicyError(f"more than {_MOST_FILES} policy files extend each other", "merge some")
    if path == (policies_directory() / f"{_TABLES}.yaml").resolve():
        return  # always in force: see load_categories
    _read_root(_read_document(file), file, reading, (*chain, path))
    reading.paths.add(path)


def _read_root(root: Node, file: _File, reading: _Reading, chain: tuple[Path, ...]) -> None:
    """Read a policy's keys; `chain` are the files that extend each other up to this one."""
    fields = read_fields(root, (*POLICY_KEYS, *TABLE_KEYS))
    for key in TABLE_KEYS:
        if key in fields:
            raise refuse(f"'{key}': other category tables than builtin:categories are not read", fields[key].place)
    _check_version(fields, root)
    for extended in read_items(fields["extends"]) if "extends" in fields else ():
        found = _find_extended(extended, file)
        if _resolve(found) in chain:
            raise refuse(f"{show(read_text(extended))} is extended in a circle", extended.place, "remove it")
        _read_policy(found, reading, chain)
    reading.files.append(file.label)
    _read_rules(fields, root, reading)


def _read_rules(fields: dict[str, Node], root: Node, reading: _Reading) -> None:
    if "on_violation" in fields:
        reading.on_violation = _read_action(fields["on_violation"])
    if _SEQUENCES in fields:
        for sequence in parse_sequences(fields[_SEQUENCES]):
            reading.sequences[sequence.name] = sequence  # one of the same name goes over an earlier one
    if "packages" in fields:
        _read_packages(fields["packages"], reading)
    elif not {"extends", _SEQUENCES} & set(fields):
        raise refuse("the policy has no packages", root.place, "write packages: with an entry for each package")


def _read_packages(node: Node, reading: _Reading) -> None:
    names: dict[str, str] = {}
    for key, value in read_entries(node, "packages: with an entry for each package"):
        entry = parse_package(key, value)
        pattern = f"{entry.key.kind} {entry.key.pattern}"
        if pattern in names:
            what = f"'{entry.key.text}' and '{names[pattern]}' are the same package"
            raise refuse(what, key.place, "make them one entry")
        names[pattern] = entry.key.text
        earlier = reading.packages.get(pattern)
        reading.packages[pattern] = _lay_over(earlier, entry) if earlier else entry


def _lay_over(earlier: PackageRules, later: PackageRules) -> PackageRules:
    """Lay an entry over one that it extends: what it allows replaces, what either denies stays denied."""
    return PackageRules(
        later.key,
        later.rule,
        later.allow or earlier.allow,
        _join_names(earlier.functions, later.functions),
        _join_names(earlier.modules, later.modules),
        _join_names(earlier.syscalls, later.syscalls),
        _join_native(earlier.native, later.native),
        {**(earlier.lists or {}), **(later.lists or {})},
        later.reason or earlier.reason,
    )


def _join_names(earlier: Sequence[_AnyRule], later: Sequence[_AnyRule]) -> tuple[_AnyRule, ...]:
    is_replaced = any(rule.is_allowed for rule in later)
    kept = [rule for rule in earlier if not (rule.is_allowed and is_replaced)]
    return (*later, *kept)


def _join_native(earlier: NameRule | None, later: NameRule | None) -> NameRule | None:
    return earlier if earlier and not earlier.is_allowed else later or earlier


def _find_extended(node: Node, file: _File) -> _File:
    text = read_text(node)
    if text.startswith(_BUILTIN):
        return _find_builtin(text, node.place)
    label = text if text.startswith("/") else str(Path(file.label).parent / text)
    return _File(file.path.parent / text, label)


def _resolve(file: _File) -> Path:
    try:
        return Path(os.path.realpath(file.path))  # unlike Path.resolve, it takes a loop of links
    except ValueError as error:
        raise PolicyError(f"policy {show(file.label)} cannot be read: not a file name", "check the path") from error


def _find_builtin(text: str, place: Place | None) -> _File:
    name = text.removeprefix(_BUILTIN)
    path = policies_directory() / f"{name}.yaml"
    if re.fullmatch(r"[A-Za-z0-9_-]+", name) and path.is_file():
        return _File(path, f"policies/{name}.yaml")
    at = f" at {place}" if place else ""
    raise PolicyError(
        f"no policy {show(text)} comes with PyXhon{at}", suggest(name, (*list_builtin_policies(), _TABLES))
    )


def _check_version(fields: dict[str, Node], root: Node) -> None:
    if "version" not in fields:
        raise refuse("key 'version' is missing", root.place, "write version: 1")
    version = read_text(fields["version"])
    if version != "1":
        raise refuse(f"policy version {show(version)} is not known", fields["version"].place, "write version: 1")


def _read_action(node: Node) -> Action:
    word = read_text(node)
    for action in ACTIONS:
        if action == word:
            return action
    raise refuse(f"unknown on_violation {show(word)}", node.place, suggest(word, ACTIONS))


def _read_document(file: _File) -> Node:
    """Read the one YAML document of a file."""
    try:
        with file.path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise PolicyError(f"policy {show(file.label)} cannot be read: {error.strerror}", "check the path") from error
    return _read_data(data, file.label)


def _read_data(data: bytes, label: str) -> Node:
    if len(data) > _MOST_BYTES:
        raise PolicyError(f"policy {label} is larger than {_MOST_BYTES} bytes", "split it with extends")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = Place(label, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise refuse("the file is not UTF-8", place) from error
    try:
        return _compose(yaml.parse(text, Loader=_Loader), label)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(label, mark.line + 1, mark.column + 1) if mark else Place(label, 1, 1)
        raise refuse(f"the file is not YAML: {error.problem or error.context}", place) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        place = Place(label, line, error.position - text.rfind("\n", 0, error.position))
        raise refuse("the file has a character that YAML does not allow", place) from error


def _compose(events: Iterator[Any], label: str) -> Node:
    """Build nodes from YAML events, without recursion and within bounds."""
    open_nodes: list[_Open] = []
    root: Node | None = None
    count = 0
    for event in events:
        place = Place(label, event.start_mark.line + 1, event.start_mark.column + 1)
        _check_event(event, place, is_second=root is not None)
        count += 1
        if count > _MOST_NODES or len(open_nodes) > _DEEPEST:
            raise refuse("the policy is too large or too deep", place, "split it with extends")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            open_nodes.append(_Open(place, isinstance(event, yaml.MappingStartEvent)))
            continue
        if isinstance(event, yaml.ScalarEvent):
            node = Node(place, text=event.value)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node = _close(open_nodes.pop())
        else:
            continue
        if open_nodes:
            open_nodes[-1].children.append(node)
        else:
            root = node
    if root is None:
        raise refuse("the file is empty", Place(label, 1, 1), "write version: 1")
    return root


def _check_event(event: Any, place: Place, *, is_second: bool) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise refuse("YAML aliases are not used in policies", place, "write the value again, or use extends")
    if getattr(event, "tag", None):
        raise refuse(f"YAML tag {show(event.tag)} is not used in policies", place, "remove it")
    if isinstance(event, yaml.DocumentStartEvent) and is_second:
        raise refuse("a policy file has one document", place, "use a file for each")


def _close(node: _Open) -> Node:
    if not node.is_mapping:
        return Node(node.place, items=tuple(node.children))
    entries = tuple(zip(node.children[::2], node.children[1::2], strict=True))
    seen: set[str] = set()
    for key, _ in entries:
        if key.text is None:
            raise refuse("a key is text", key.place)
        if key.text in seen:
            raise refuse(f"key {show(key.text)} is there twice", key.place, "make them one")
        seen.add(key.text)
    return Node(node.place, entries=entries)
