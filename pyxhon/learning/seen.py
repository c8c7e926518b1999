"""What traces tell of each package: its behaviours, and all that they touched."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pyxhon.categories import CategoryTables
from pyxhon.join import Behaviour, Owner
from pyxhon.learning.names import package_key
from pyxhon.learning.paths import Varying
from pyxhon.policy.model import normalize_name
from pyxhon.policy.patterns import Dll, PlainPath
from pyxhon.policy.touched import Touched, find_touched

_TEMPFILE: Final = re.compile(r"/lib/python3[^/]*/tempfile\.py\Z|\A<frozen tempfile>\Z")
# Where it makes up a name and uses it; other functions of it open folders that were there.
_NAMING: Final = frozenset({"_mkstemp_inner", "mkdtemp", "mktemp", "_get_default_tempdir"})
_LONGEST_ARGUMENT: Final = 1000  # what a policy may have


@dataclass(frozen=True, slots=True)
class SeenTrace:
    """One trace: its name, its acts with and without a category, where its processes stayed, and how much it lost."""

    name: str
    behaviours: tuple[Behaviour, ...]
    uncategorised: tuple[Behaviour, ...]
    directories: Mapping[int, str]
    lost: int


@dataclass(frozen=True, slots=True, eq=False)
class Act:
    """A behaviour of one of the traces, with what it touched."""

    behaviour: Behaviour
    trace: int
    touched: tuple[Touched, ...]
    argument: tuple[str, str] | None  # what says what is run, or names a path that cannot be told, and its value

    @property
    def is_untold(self) -> bool:
        """Tell whether something that it touched cannot be told."""
        return any(item.thing is None for item in self.touched)


@dataclass(slots=True)
class Package:
    """All that was done by the owners for whom one entry is: one, but for versions and spellings."""

    key: str
    name: str
    acts: list[Act] = field(default_factory=list)


def collect(traces: Iterable[SeenTrace], tables: CategoryTables) -> list[Package]:
    """Sort the acts of all traces by who did them; versions of a package are one."""
    packages: dict[str, Package] = {}
    keys: dict[Owner, str] = {}
    for number, trace in enumerate(traces):
        for row in (*trace.behaviours, *trace.uncategorised):
            touched = find_touched(row, tables, trace.directories.get(row.process))
            if row.category is None and not touched and row.level == "python":
                continue  # no rule that is learned speaks of it
            key = keys.get(row.owner) or keys.setdefault(row.owner, package_key(row.owner))
            package = packages.setdefault(normalize_name(key), Package(key, row.owner.name))
            package.acts.append(Act(row, number, touched, _find_argument(row, touched, tables)))
    ordered = sorted(packages.items(), key=lambda item: item[0])
    return [package for _, package in ordered if any(act.behaviour.category for act in package.acts)]


def find_varying(traces: Iterable[SeenTrace], packages: Iterable[Package]) -> Varying:
    """Find what another run would have otherwise: numbers of processes, and names that `tempfile` made up."""
    numbers = {str(number) for trace in traces for row in trace.behaviours for number in (row.pid, row.tid)}
    temporary = set()
    for package in packages:
        for act in package.acts:
            stack = act.behaviour.python_stack
            if stack and stack[0].function in _NAMING and _TEMPFILE.search(stack[0].file or ""):
                temporary |= {path.segments for path in _paths(act.touched) if path.segments}
    return Varying(frozenset(number for number in numbers if len(number) > 1), frozenset(temporary))


def _paths(touched: Iterable[Touched]) -> Iterable[PlainPath]:
    for item in touched:
        path = item.thing.path if isinstance(item.thing, Dll) else item.thing
        if isinstance(path, PlainPath):
            yield path


def _find_argument(row: Behaviour, touched: Iterable[Touched], tables: CategoryTables) -> tuple[str, str] | None:
    if row.kind != "audit" or row.is_truncated:
        return None
    wanted = "path" if any(item.thing is None for item in touched) else "command"
    for resource in tables.resources_of_event(row.name):
        value = row.arguments.get(resource.argument)
        if resource.kind == wanted and isinstance(value, str) and 0 < len(value) <= _LONGEST_ARGUMENT:
            return (resource.argument, value) if value.isprintable() else None
    return None
