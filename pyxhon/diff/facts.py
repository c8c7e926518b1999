"""A report as facts that can be compared: each with what it is (its keys) and what is said of it (its attributes).

Rows that are the same act, in several processes, at several lines, with other noise, are one fact.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pyxhon.diff.arguments import fold_arguments, show_exactly
from pyxhon.diff.model import Item
from pyxhon.diff.names import show_plainly
from pyxhon.diff.places import Places
from pyxhon.report.model import Behaviour, Call, Callee, Dll, Import, Location, NotExercised, Package, Report
from pyxhon.report.sequence_model import Sequence

Key = tuple[str | None, ...]
Row = Behaviour | Sequence | Import | Dll | Callee | Call | NotExercised | Package
_ANONYMOUS: Final = "anon:"
_IMPORT: Final = "import "
_VERDICTS: Final = ("allowed", "unjudged", "violation")


@dataclass(slots=True)
class Fact:
    """One thing that a side has; `row` is one occurrence, `exact` are the keys of all without anything folded."""

    item: Item
    package: str
    row: Row
    caller: Callee | None = None
    judged: Behaviour | None = None
    exact: set[Key] = field(default_factory=set)
    count: int = 0
    attributes: dict[str, set[str]] = field(default_factory=dict)

    def note(self, name: str, value: str) -> None:
        """Add a value of an attribute."""
        self.attributes.setdefault(name, set()).add(value)


@dataclass(frozen=True, slots=True)
class Side:
    """The facts of one report by their key, and how its texts are read."""

    places: Places
    facts: dict[Key, Fact]


def collect_facts(report: Report, places: Places, *, has_calls: bool, has_counts: bool) -> Side:
    """Collect all that a report says; functions only where both sides took them, calls where both counted them."""
    facts: dict[Key, Fact] = {}
    _add_packages(report.packages, facts)
    imported = _add_imports(report, facts, places.plain)
    for row in report.behaviours:
        if (row.package, row.name) not in imported or row.kind != "import":
            _add_behaviour(row, facts, places.plain)
    _add_sequences(report.sequences, facts, places.plain)
    for dll in report.dlls:
        _add_dll(dll, facts, places.plain)
    if has_calls:
        _add_functions(report.calls, facts, places.plain)
    if has_counts:
        _add_calls(report.calls, facts, places.plain)
    for ability in report.not_exercised:
        exact: Key = ("ability", ability.package, ability.kind, show_plainly(ability.name))
        key = (*exact[:3], places.plain(ability.name))
        _merge(facts, key, Fact("ability", ability.package, ability), exact)
    return Side(places, facts)


def known_key(fact: Fact, places: Places) -> Key:
    """Give the key of an act or a DLL with the numbers of the side's processes folded, too."""
    return _key_by(fact, places, places.known)


def loose_key(fact: Fact, places: Places) -> Key:
    """Give it with names that look like words taken for random ones in what it is done to, not in where it is done."""
    return _key_by(fact, places, places.loose)


def _key_by(fact: Fact, places: Places, fold: Callable[[str], str]) -> Key:
    if isinstance(fact.row, Behaviour):
        return _behaviour_key(fact.row, places.known, fold_arguments(_telling(fact.row), fold))
    if isinstance(fact.row, Dll):
        return ("dll", fold(fact.row.path))
    raise TypeError(fact.item)


def worst_verdict(verdicts: Iterable[str]) -> str | None:
    """Give the worst of several verdicts."""
    return max(verdicts, key=_VERDICTS.index, default=None)


def _merge(facts: dict[Key, Fact], key: Key, fact: Fact, exact: Key, count: int = 1) -> Fact:
    known = facts.setdefault(key, fact)
    known.exact.add(exact)
    known.count += count
    return known


def _add_packages(rows: Iterable[Package], facts: dict[Key, Fact]) -> None:
    for row in rows:
        if row.origin == "distribution":
            key: Key = ("package", row.name)
            fact = _merge(facts, key, Fact("package", row.name, row), key)
            fact.note("version", row.version or "unknown")


def _add_imports(report: Report, facts: dict[Key, Fact], fold: Callable[[str], str]) -> set[tuple[str, str]]:
    """Add import edges, each with the verdict on it; give those whose behaviours are told with them."""
    judged: dict[tuple[str, str], Behaviour] = {}
    for row in report.behaviours:
        if row.kind == "import":
            known = judged.setdefault((row.package, row.name), row)
            if worst_verdict((known.verdict, row.verdict)) != known.verdict:
                judged[row.package, row.name] = row
    told = set()
    for edge in report.imports:
        kind = "transitive" if edge.transitive else "own"
        exact: Key = ("import", edge.importer, kind, show_plainly(edge.module))
        fact = _merge(facts, (*exact[:3], fold(edge.module)), Fact("import", edge.importer, edge), exact, edge.count)
        fact.note("outcome", "failed" if edge.failed >= edge.count > 0 else "found")
        behaviour = None if edge.transitive else judged.get((edge.importer, _IMPORT + edge.module))
        if behaviour is not None:
            told.add((behaviour.package, behaviour.name))
            fact.judged = behaviour
            fact.note("verdict", behaviour.verdict)
            fact.note("level", behaviour.level)
    return told


def _add_behaviour(row: Behaviour, facts: dict[Key, Fact], fold: Callable[[str], str]) -> None:
    arguments = _telling(row)
    exact = _behaviour_key(row, show_plainly, show_exactly(arguments))
    key = _behaviour_key(row, fold, fold_arguments(arguments, fold))
    fact = _merge(facts, key, Fact("behaviour", row.package, row), exact, row.count)
    fact.note("level", row.level)
    fact.note("verdict", row.verdict)


def _behaviour_key(row: Behaviour, fold: Callable[[str], str], arguments: str) -> Key:
    place = (_fold(row.location.file, fold), _fold(row.location.function, fold)) if row.location else (None, None)
    by = _object_key(row, fold)
    return ("behaviour", row.package, row.category, row.kind, fold(row.name), arguments, by, *place)


def _telling(row: Behaviour) -> dict[str, object]:
    return {} if row.kind == "import" else row.args


def _object_key(row: Behaviour, fold: Callable[[str], str]) -> str | None:
    """Give the DLL that did it; where Python did, it says little, and code without a file has no lasting name."""
    if row.object is None or row.level == "python":
        return None
    return f"{_ANONYMOUS}<address>" if row.object.startswith(_ANONYMOUS) else fold(row.object)


def _add_sequences(rows: Iterable[Sequence], facts: dict[Key, Fact], fold: Callable[[str], str]) -> None:
    """Add acts in order: which sequence, whose, and of which path; its steps are told as behaviours, too."""
    for row in rows:
        exact: Key = ("sequence", row.package, row.name, _fold(row.path, show_plainly))
        key = (*exact[:3], _fold(row.path, fold))
        _merge(facts, key, Fact("sequence", row.package, row), exact).note("verdict", row.verdict)


def _add_dll(row: Dll, facts: dict[Key, Fact], fold: Callable[[str], str]) -> None:
    fact = _merge(
        facts, ("dll", fold(row.path)), Fact("dll", row.package or "unknown", row), ("dll", show_plainly(row.path))
    )
    fact.note("package", row.package or "unknown")
    if row.sha256 is not None:
        fact.note("sha256", row.sha256)
    if row.loaded_by is not None:
        fact.note("loaded_by", row.loaded_by)


def _add_functions(calls: Iterable[Call], facts: dict[Key, Fact], fold: Callable[[str], str]) -> None:
    for call in calls:
        callee = call.callee
        if callee.file is not None or callee.package is not None:
            key: Key = ("function", *_function_key(callee, fold))
            exact: Key = ("function", *_function_key(callee, show_plainly))
            _merge(facts, key, Fact("function", callee.package or "unknown", callee, call.caller), exact)


def _add_calls(calls: Iterable[Call], facts: dict[Key, Fact], fold: Callable[[str], str]) -> None:
    for call in calls:
        if call.caller is not None:
            exact = ("call", *_function_key(call.caller, show_plainly), *_function_key(call.callee, show_plainly))
            key = ("call", *_function_key(call.caller, fold), *_function_key(call.callee, fold))
            owner = call.caller.package or "unknown"
            _merge(facts, key, Fact("call", owner, call, call.caller), exact, call.count or 0)


def _function_key(row: Callee, fold: Callable[[str], str]) -> Key:
    return (row.package, _fold(row.file, fold), _fold(row.function, fold))


def _fold(text: str | None, fold: Callable[[str], str]) -> str | None:
    return None if text is None else fold(text)


def location_of(fact: Fact) -> Location | None:
    """Give where a fact was seen."""
    row = fact.row
    if isinstance(row, Dll):
        return row.load_location
    if isinstance(row, Callee):
        return Location(row.file, row.line, row.function)
    if isinstance(row, Call):
        return Location(row.caller.file, row.caller.line, row.caller.function) if row.caller else None
    if isinstance(row, Sequence):
        return next((step.location for step in reversed(row.steps) if step.location), None)
    return None if isinstance(row, Package) else row.location


def functions_of_call(key: Key) -> Iterator[Key]:
    """Give the keys of the two functions of a call."""
    yield ("function", *key[1:4])
    yield ("function", *key[4:7])
