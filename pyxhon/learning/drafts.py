"""The rules for one package while they are found: the tightest first, wider ones where those do not do.

An act is allowed by a list where all that it touches can be told, else by the argument that says what is run or which
path it is, else by its name, and by its category where nothing else is left.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pyxhon.categories import SYSTEM_KINDS
from pyxhon.learning import paths, peers
from pyxhon.learning.commands import vary_command
from pyxhon.learning.globs import common_glob, vary
from pyxhon.learning.names import function_glob, module_glob, system_call
from pyxhon.learning.paths import Varying, learn_paths
from pyxhon.learning.peers import learn_peers
from pyxhon.learning.seen import Act, Package
from pyxhon.policy.model import LIST_KEYS
from pyxhon.policy.patterns import Dll, PlainPath
from pyxhon.policy.peers import Peer

Thing = PlainPath | Peer | Dll
_Source = TypeVar("_Source", PlainPath, Peer)

BY_LIST, BY_ARGUMENT, BY_NAME, BY_CATEGORY, BY_CATEGORY_ALONE = range(5)
_MOST_ENTRIES: Final = 400  # of a list; a longer one is none that anybody reads
_MOST_COMMANDS: Final = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One rule, the acts that it was learned from, and why it is wider than they are; `argument` is of a function."""

    text: str
    acts: tuple[Act, ...]
    reasons: frozenset[str] = frozenset()
    argument: tuple[str, str] | None = None


@dataclass(slots=True)
class Draft:
    """What is chosen for a package so far."""

    package: Package
    varying: Varying
    steps: list[int] = field(default_factory=list)  # of each act
    untold: dict[str, str] = field(default_factory=dict)  # lists that cannot be there, and why
    is_native_denied: bool = True

    def __post_init__(self) -> None:
        self.steps = [_first_step(act) for act in self.package.acts]
        for act in self.package.acts:
            for item in act.touched:
                if not _can_be_listed(item.thing) and not (act.argument and item.thing is None):
                    self.drop_lists(item.keys, item.why or "its name can be in no list")

    def drop_lists(self, keys: Iterable[str], why: str) -> None:
        """Have none of these lists: something that was touched can be in none."""
        for key in keys:
            self.untold.setdefault(key, why)

    def widen(self, number: int) -> None:
        """Find something wider for an act that is not allowed by what there is."""
        act = self.package.acts[number]
        self.steps[number] = min(self.steps[number] + 1, BY_CATEGORY_ALONE)
        if self.steps[number] == BY_ARGUMENT and act.argument is None:
            self.steps[number] = BY_NAME
        if self.steps[number] >= BY_NAME:
            for item in act.touched:
                if item.thing is None:
                    self.drop_lists(item.keys, item.why)
        if self.steps[number] == BY_CATEGORY_ALONE or act.behaviour.category is None:
            self.is_native_denied = self.is_native_denied and act.behaviour.level == "python"
            self.drop_lists((key for item in act.touched for key in item.keys), "what was touched can be in no list")

    def categories(self) -> list[Line]:
        """Give the categories that nothing tighter does for."""
        chosen = self._acts(lambda step, act: step >= BY_CATEGORY and act.behaviour.category is not None)
        return _lines((act.behaviour.category or "", act) for act in chosen)

    def modules(self) -> list[Line]:
        """Give the modules that are imported; one that lies in another is left out."""
        chosen = self._acts(lambda step, act: step == BY_NAME and act.behaviour.kind == "import")
        lines = _lines((module_glob(act.behaviour.module or ""), act) for act in chosen)
        names = {line.text for line in lines if "?" not in line.text and "*" not in line.text}
        above = {line.text: _find_above(line.text, names) for line in lines}
        return _lines((above[line.text], act) for line in lines for act in line.acts)

    def functions(self) -> list[Line]:
        """Give the functions, those with an argument first."""
        by_name = self._acts(lambda step, act: step == BY_NAME and _is_function(act))
        names = {act.behaviour.name for act in by_name}
        told = self._acts(lambda step, act: step == BY_ARGUMENT and act.behaviour.name not in names)
        groups: dict[tuple[str, str], list[Act]] = {}
        for act in told:
            groups.setdefault((act.behaviour.name, act.argument[0] if act.argument else ""), []).append(act)
        lines: list[Line] = []
        for (name, argument), acts in sorted(groups.items()):
            text = function_glob(name)
            found = self._values(acts)
            if text and len(found) <= _MOST_COMMANDS:
                lines += [Line(text, tuple(each), why, (argument, glob)) for glob, (each, why) in sorted(found.items())]
            else:
                by_name += acts
        return [*lines, *_lines((text, act) for act in by_name if (text := function_glob(act.behaviour.name)))]

    def _values(self, acts: list[Act]) -> dict[str, tuple[list[Act], frozenset[str]]]:
        """Give what an argument may be; many paths that cannot be told are one."""
        found: dict[str, tuple[list[Act], frozenset[str]]] = {}
        for act in acts:
            glob, why = vary_command(act.argument[1] if act.argument else "", self.varying)
            found.setdefault(glob, ([], why))[0].append(act)
        untold = {glob for glob, (each, _) in found.items() if each[0].is_untold}
        if len(untold) >= paths.MANY:
            why = frozenset({f"{len(untold)} names", "relative to a folder that is not told"})
            wide = [act for glob in sorted(untold) for act in found.pop(glob)[0]]
            found[common_glob(untold)] = (wide, why)
        return found

    def system_calls(self) -> list[Line]:
        """Give the system calls."""
        chosen = self._acts(lambda step, act: step == BY_NAME and act.behaviour.kind in SYSTEM_KINDS)
        named = ((system_call(act.behaviour.name), act) for act in chosen)
        return _lines((name, act) for name, act in named if name is not None)

    def lists(self) -> dict[str, list[Line]]:
        """Give the lists that there are, with what is in them."""
        lists: dict[str, list[Line]] = {}
        for key in LIST_KEYS:
            lines = [] if key in self.untold else self._list(key)
            if len(lines) > _MOST_ENTRIES:
                self.drop_lists([key], f"more than {_MOST_ENTRIES} entries")
            elif lines:
                lists[key] = lines
        return lists

    def _list(self, key: str) -> list[Line]:
        touching: dict[Thing, list[Act]] = {}
        looked_up: dict[tuple[Peer, int | None], list[Act]] = {}
        for act in self.package.acts:
            for item in act.touched:
                if item.keys[0] != key or item.thing is None or not _can_be_listed(item.thing):
                    continue
                if len(item.keys) > 1 and isinstance(item.thing, Peer):
                    looked_up.setdefault((item.thing, _port_of(act)), []).append(act)
                else:
                    touching.setdefault(item.thing, []).append(act)
        if key.startswith("network."):
            return _list_peers(touching, looked_up, self.varying)
        return _list_paths(touching, self.varying)

    def _acts(self, is_wanted: Callable[[int, Act], bool]) -> list[Act]:
        pairs = zip(self.steps, self.package.acts, strict=True)
        return [act for step, act in pairs if is_wanted(step, act)]


def _can_be_listed(thing: Thing | None) -> bool:
    if isinstance(thing, Peer):
        return peers.can_be_listed(thing)
    path = thing.path if isinstance(thing, Dll) else thing
    if isinstance(path, PlainPath):
        return paths.can_be_listed(path)
    return isinstance(thing, Dll) and bool(thing.file_name)


def _first_step(act: Act) -> int:
    is_told = all(_can_be_listed(item.thing) for item in act.touched)
    if act.behaviour.level == "python" and act.touched and is_told:
        return BY_LIST
    return BY_ARGUMENT if act.argument else BY_NAME


def _is_function(act: Act) -> bool:
    return act.behaviour.kind not in (*SYSTEM_KINDS, "import") and act.behaviour.category is not None


def _lines(pairs: Iterable[tuple[str, Act]]) -> list[Line]:
    acts: dict[str, list[Act]] = {}
    for text, act in pairs:
        acts.setdefault(text, []).append(act)
    return [Line(text, tuple(found)) for text, found in sorted(acts.items())]


def _list_peers(
    touching: Mapping[Thing, list[Act]], looked_up: Mapping[tuple[Peer, int | None], list[Act]], varying: Varying
) -> list[Line]:
    reached = {thing: acts for thing, acts in touching.items() if isinstance(thing, Peer)}
    by_peer: dict[Peer, list[Act]] = {}
    for peer, acts in (*((peer, acts) for (peer, _), acts in looked_up.items()), *reached.items()):
        by_peer.setdefault(peer, []).extend(acts)
    return [
        Line(entry.text, _acts_of(by_peer, entry.sources), frozenset(entry.reasons))
        for entry in learn_peers(reached, looked_up, varying)
    ]


def _list_paths(touching: Mapping[Thing, list[Act]], varying: Varying) -> list[Line]:
    by_path: dict[PlainPath, list[Act]] = {}
    named: list[tuple[str, Act]] = []
    for thing, acts in touching.items():
        path = thing.path if isinstance(thing, Dll) else thing
        if isinstance(path, PlainPath):
            by_path.setdefault(path, []).extend(acts)
        elif isinstance(thing, Dll):
            named += [(vary(thing.file_name, varying.numbers)[0], act) for act in acts]
    lines = [
        Line(learned.text, _acts_of(by_path, learned.sources), frozenset(learned.reasons))
        for learned in learn_paths(by_path, varying)
    ]
    return lines + _lines(named)


def _acts_of(acts: Mapping[_Source, list[Act]], sources: Iterable[_Source]) -> tuple[Act, ...]:
    return tuple(dict.fromkeys(act for source in sources for act in acts.get(source, ())))


def _port_of(act: Act) -> int | None:
    port = act.behaviour.arguments.get("port")
    if isinstance(port, str) and re.fullmatch(r"[0-9]{1,5}", port):
        port = int(port)
    return port if isinstance(port, int) and 0 < port < 1 << 16 else None


def _find_above(module: str, names: set[str]) -> str:
    """Give the outermost of the names that a module lies in: that name means it as well."""
    parts = module.split(".")
    return next((name for at in range(1, len(parts)) if (name := ".".join(parts[:at])) in names), module)
