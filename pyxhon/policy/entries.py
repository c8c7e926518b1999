"""One entry of `packages` in a policy: its nodes → its rules.

Apart from `parse.py` so that the one knows files and the other knows rules.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from pyxhon.categories import CATEGORIES, LETTERS
from pyxhon.policy.call_arguments import MOST_POSITIONS, ArgumentPattern
from pyxhon.policy.keys import (
    CALL_KEYS,
    DISTRIBUTION,
    DLL_PREFIX,
    LISTS,
    MOST_ARGUMENT_CHARACTERS,
    MOST_REASON_CHARACTERS,
    ORIGINS,
    PACKAGE_KEYS,
    VERBS,
)
from pyxhon.policy.model import (
    CategoryRule,
    FunctionRule,
    ListRule,
    NameRule,
    PackageKey,
    PackageRules,
    Pattern,
    Rule,
    name_call,
    normalize_name,
)
from pyxhon.policy.nodes import (
    Node,
    list_items,
    read_entries,
    read_fields,
    read_items,
    read_text,
    refuse,
    show,
    suggest,
)
from pyxhon.policy.patterns import BadPatternError, NamePattern, parse_dll, parse_function, parse_name, parse_path
from pyxhon.policy.peers import parse_peer
from pyxhon.python_functions import PythonPattern
from pyxhon.target.system_calls.classify import operation_names
from pyxhon.target.system_calls.declarations import sensitive_names

_Parsed = TypeVar("_Parsed")

_PARSERS: dict[str, Callable[[str], Pattern]] = {"files": parse_path, "network": parse_peer, "dlls": parse_dll}
_POSITIONS = tuple(map(str, range(MOST_POSITIONS)))


def parse_package(key: Node, value: Node) -> PackageRules:
    """Read one entry of `packages`."""
    package = parse_key(key)
    start = f"packages.{package.text}"
    fields = read_fields(value, PACKAGE_KEYS)
    if not fields:
        raise refuse("the entry has no rules", value.place, "write allow: None to allow no category")
    lists: dict[str, ListRule] = {}
    for group, names in LISTS.items():
        if group in fields:
            for name, node in read_fields(fields[group], names).items():
                lists[f"{group}.{name}"] = _parse_list(node, f"{start}.{group}.{name}", _PARSERS[group])
    return PackageRules(
        package,
        Rule(key.place.line_text, start),
        _parse_allow(fields["allow"], f"{start}.allow") if "allow" in fields else None,
        _parse_functions(fields.get("functions"), f"{start}.functions"),
        _parse_names(fields.get("modules"), f"{start}.modules"),
        _parse_calls(fields.get("syscalls"), f"{start}.syscalls"),
        _parse_native(fields["native"], f"{start}.native") if "native" in fields else None,
        lists,
        read_reason(fields["reason"]) if "reason" in fields else None,
    )


def parse_key(node: Node) -> PackageKey:
    """Read whom an entry is for."""
    text = read_text(node)
    if text == "*":
        return PackageKey(text, "any", text)
    if text in ORIGINS:
        return PackageKey(text, "origin", text)
    if text.startswith(DLL_PREFIX) and len(text) > len(DLL_PREFIX) and "/" not in text:
        return PackageKey(text, "dll", text.removeprefix(DLL_PREFIX))
    if ".so" in text and "/" not in text:
        return PackageKey(text, "dll", text)
    if not re.fullmatch(DISTRIBUTION, text):
        raise refuse(
            f"{show(text)} names no package",
            node.place,
            "write a distribution as in numpy, a DLL as in libfoo.so* or dll:NAME, application, stdlib, unknown or *",
        )
    return PackageKey(text, "distribution", normalize_name(text))


def _parse_allow(node: Node, key: str) -> CategoryRule:
    rule = Rule(node.place.line_text, key)
    if node.items is None:
        return CategoryRule(rule, _parse_shorthand(node))
    names: set[str] = set()
    for item in read_items(node):
        name = read_text(item)
        if name not in CATEGORIES:
            near = f"did you mean '{LETTERS[name]}'?" if name in LETTERS else suggest(name, CATEGORIES)
            raise refuse(f"unknown category {show(name)}", item.place, near)
        if name in names:
            raise refuse(f"category '{name}' is there twice", item.place, "remove one")
        names.add(name)
    return CategoryRule(rule, frozenset(names))


def _parse_shorthand(node: Node) -> frozenset[str]:
    if node.text == "":
        raise refuse("allow is empty", node.place, "write None to allow no category")
    text = read_text(node)
    if text in ("None", "-"):
        return frozenset()
    letters = text.split("-")
    if any(letter not in LETTERS for letter in letters) or len(set(letters)) < len(letters):
        upper = text.upper()
        is_meant = set(upper.split("-")) <= set(LETTERS)
        remedy = f"did you mean '{upper}'?" if is_meant and upper != text else "write letters of F-N-D-O-B, or None"
        if text in CATEGORIES:
            remedy = f"write [{text}]"
        raise refuse(f"{show(text)} names no categories", node.place, remedy)
    return frozenset(LETTERS[letter] for letter in letters)


def _parse_names(node: Node | None, key: str) -> tuple[NameRule, ...]:
    if node is None:
        return ()
    rules = []
    for name, items in read_fields(node, VERBS).items():
        for item in read_items(items):
            pattern: NamePattern = parse_pattern(item, parse_name)
            rule = Rule(item.place.line_text, f"{key}.{name}: {pattern.text}")
            rules.append(NameRule(rule, pattern, name == "allow"))
    return tuple(rules)


def _parse_functions(node: Node | None, key: str) -> tuple[FunctionRule, ...]:
    """Read names of functions; an entry may be a mapping of the name and what the arguments must be."""
    if node is None:
        return ()
    rules = []
    for verb, items in read_fields(node, VERBS).items():
        for item in list_items(items):
            named, given = (item, None) if item.entries is None else _read_function(item)
            pattern: NamePattern | PythonPattern = parse_pattern(named, parse_function)
            arguments = () if given is None else _parse_arguments(given, pattern)
            rule = Rule(item.place.line_text, f"{key}.{verb}: {name_call(pattern.text, arguments)}")
            rules.append(FunctionRule(rule, pattern, verb == "allow", arguments))
    return tuple(rules)


def _read_function(node: Node) -> tuple[Node, Node]:
    fields = read_fields(node, CALL_KEYS)
    for key, remedy in (("name", "write {name: os.system, args: …}"), ("args", "write the name alone")):
        if key not in fields:
            raise refuse(f"key '{key}' is missing", node.place, remedy)
    return fields["name"], fields["args"]


def _parse_arguments(node: Node, pattern: NamePattern | PythonPattern) -> tuple[ArgumentPattern, ...]:
    entries = read_entries(node, "a parameter or position with what it must be")
    if not entries:
        raise refuse("no argument is named", node.place, "write the name of the function alone")
    found = []
    for key, value in entries:
        name, text = read_text(key), read_text(value)
        if name.isdecimal() and isinstance(pattern, PythonPattern):
            raise refuse(f"{show(name)}: arguments of Python functions go by name", key.place, "write the parameter")
        if not name.isidentifier() and name not in _POSITIONS:
            remedy = f"write a parameter, or a position from 0 to {MOST_POSITIONS - 1}"
            raise refuse(f"{show(name)} names no argument", key.place, remedy)
        if not text.isprintable() or len(text) > MOST_ARGUMENT_CHARACTERS:
            what = f"an argument is printable text of up to {MOST_ARGUMENT_CHARACTERS} characters"
            raise refuse(what, value.place)
        found.append(ArgumentPattern(name, text))
    return tuple(found)


def _parse_calls(node: Node | None, key: str) -> tuple[NameRule, ...]:
    """Read names of system calls; one that is never seen as an event would be a rule that is never applied."""
    rules = _parse_names(node, key)
    known = (*sensitive_names(), *operation_names())
    for rule, item in zip(rules, _items_of(node), strict=True):
        if not any(rule.pattern.matches(name) for name in known):
            what = f"{show(rule.pattern.text)} is no system call that is seen as an act"
            raise refuse(what, item.place, suggest(rule.pattern.text, sensitive_names(), shows_all=False))
    return rules


def _items_of(node: Node | None) -> tuple[Node, ...]:
    fields = read_fields(node, VERBS) if node else {}
    return tuple(item for items in fields.values() for item in read_items(items))


def _parse_native(node: Node, key: str) -> NameRule:
    word = read_text(node)
    if word not in VERBS:
        raise refuse(f"native is deny or allow, not {show(word)}", node.place, suggest(word, VERBS))
    return NameRule(Rule(node.place.line_text, key), parse_name("*"), word == "allow")


def _parse_list(node: Node, key: str, parse: Callable[[str], Pattern]) -> ListRule:
    patterns = []
    for item in read_items(node):
        pattern = parse_pattern(item, parse)
        patterns.append((Rule(item.place.line_text, f"{key}: {pattern.text}"), pattern))
    return ListRule(Rule(node.place.line_text, key), tuple(patterns))


def parse_pattern(node: Node, parse: Callable[[str], _Parsed]) -> _Parsed:
    """Read a pattern by its own parser; what that refuses gets its place."""
    text = read_text(node)
    if not text.isprintable():
        raise refuse(f"{show(text)} has characters that cannot be printed", node.place)
    try:
        return parse(text)
    except BadPatternError as error:
        raise refuse(f"{show(text)}: {error}", node.place, error.remedy) from error


def read_reason(node: Node) -> str:
    """Read free text that reports show."""
    text = " ".join(read_text(node).split())
    if len(text) > MOST_REASON_CHARACTERS or not text.isprintable():
        raise refuse(f"a reason is printable text of up to {MOST_REASON_CHARACTERS} characters", node.place)
    return text
