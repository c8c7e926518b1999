"""Sequences in the acts of a trace: which packages did what in order. Pure, as the judge is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pyxhon.categories import CategoryTables
from pyxhon.policy.judge import PackageJudgement, Verdict
from pyxhon.policy.sequence_steps import Fit, Sorting, StepTest
from pyxhon.policy.sequence_times import Occurrence, Span, find_order
from pyxhon.policy.sequences import SequenceRule

if TYPE_CHECKING:
    from pyxhon.join import Behaviour, Owner


_UNKNOWN_TIME: Final = "only the first and the last time are known, and the order fits one between"


@dataclass(frozen=True, slots=True)
class Watched:
    """A sequence that is looked for, and what it means when it is found."""

    rule: SequenceRule
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FoundStep:
    """One step: the act, and when; a time that is not known is one that fits."""

    behaviour: "Behaviour"
    time_ns: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class FoundSequence:
    """A sequence that one package did. `path` is the one that all steps touch, where that was asked for."""

    watched: Watched
    owner: "Owner"
    steps: tuple[FoundStep, ...]
    path: str | None
    note: str | None  # why it is not certain; None: it is

    @property
    def is_certain(self) -> bool:
        """Tell whether the acts were what the steps ask for, and in this order."""
        return self.note is None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An act that is one step or several of a sequence, by each with what it touches."""

    behaviour: "Behaviour"
    fits: Mapping[int, Fit]


@dataclass(frozen=True, slots=True)
class Places:
    """Where processes are: their working directories, and of those that changed theirs the folders they went to."""

    directories: Mapping[int, str]
    visited: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def text_of(self, process: int) -> str | None:
        """Give all folders that a relative path may start from, as one text."""
        return self.directories.get(process) or "\n".join(self.visited.get(process, ())) or None


_Acts = list["Behaviour"]


def find_sequences(
    behaviours: Iterable["Behaviour"],
    watched: Iterable[Watched],
    tables: CategoryTables,
    places: Places,
) -> tuple[FoundSequence, ...]:
    """Look for sequences among the acts of each package, in all processes together.

    One is told once for each package and, where its steps touch the same path, for each path.
    """
    finders = [_Finder(each, tables, places) for each in watched]
    steps = [(finder, number) for finder in finders for number in range(len(finder.tests))]
    sorting = Sorting(finder.tests[number] for finder, number in steps)
    for behaviour in behaviours:
        for each in sorting.steps_of(behaviour, places.text_of(behaviour.process)):
            finder, number = steps[each]
            finder.note(behaviour, number)
    return tuple(found for finder in finders for found in finder.find())


def blame(packages: Iterable[PackageJudgement], found: Iterable[FoundSequence]) -> tuple[PackageJudgement, ...]:
    """Suggest to review the code of those packages, too, that did a sequence that is against the policy."""
    guilty = {each.owner for each in found if each.watched.verdict == "violation"}
    names = {(owner.name, owner.origin) for owner in guilty}
    return tuple(
        replace(row, suggestion="CodeReview") if (row.owner.name, row.owner.origin) in names else row
        for row in packages
    )


class _Finder:
    """Looks for one sequence."""

    def __init__(self, watched: Watched, tables: CategoryTables, places: Places) -> None:
        self._watched = watched
        self._places = places
        self.tests: Final = [StepTest(step, tables) for step in watched.rule.steps]
        self._acts: dict[tuple[str, str], list[_Acts]] = {}  # by owner: for each step the acts that it may be

    def note(self, behaviour: "Behaviour", number: int) -> None:
        """Take up an act that may be a step."""
        owner = (behaviour.owner.name, behaviour.owner.origin)
        acts = self._acts.get(owner)
        if acts is None:
            is_concerned = self._watched.rule.concerns(*owner)
            acts = self._acts[owner] = [[] for _ in self.tests] if is_concerned else []
        if acts:
            acts[number].append(behaviour)

    def find(self) -> Iterable[FoundSequence]:
        """Give what each package did."""
        for acts in self._acts.values():
            if acts and all(acts):
                yield from self._find_of_owner(acts)

    def _find_of_owner(self, acts: list[_Acts]) -> Iterable[FoundSequence]:
        candidates = self._hold(acts)
        if candidates is None:
            return
        if not self._watched.rule.is_same_path:
            found = self._order(candidates, None)
            if found:
                yield found
            return
        by_path: dict[str, list[_Candidate]] = {}
        for candidate in candidates:
            paths = {path: None for fit in candidate.fits.values() for path in sorted(fit.paths)}
            for path in paths:
                by_path.setdefault(path, []).append(candidate)
        for path, those in by_path.items():
            found = self._order(those, path)
            if found:
                yield found

    def _hold(self, acts: list[_Acts]) -> list[_Candidate] | None:
        """Ask what the acts touch, first where there are fewest; None: for one step there is none."""
        fits: dict[int, dict[int, Fit]] = {}
        kept: dict[int, Behaviour] = {}
        for number in sorted(range(len(acts)), key=lambda each: len(acts[each])):
            is_any = False
            for behaviour in acts[number]:
                directory = self._places.directories.get(behaviour.process)
                fit = self.tests[number].fit(behaviour, directory, self._places.visited.get(behaviour.process, ()))
                if fit is not None:
                    is_any = True
                    kept[id(behaviour)] = behaviour
                    fits.setdefault(id(behaviour), {})[number] = fit
            if not is_any:
                return None
        return [_Candidate(kept[key], found) for key, found in fits.items()]

    def _order(self, candidates: list[_Candidate], path: str | None) -> FoundSequence | None:
        """Find an order, of acts that certainly are the steps before others."""
        rule = self._watched.rule
        for takes_doubtful in (False, True):
            spans = []
            for key, candidate in enumerate(candidates):
                steps = _steps_of(candidate, path, takes_doubtful=takes_doubtful)
                row = candidate.behaviour
                if steps:
                    spans.append(Span(key, row.first_ns, row.last_ns, row.count, steps))
            order = find_order(spans, len(rule.steps), rule.within_ns)
            if order is not None:
                return self._tell(candidates, order, path)
        return None

    def _tell(self, candidates: list[_Candidate], order: tuple[Occurrence, ...], path: str | None) -> FoundSequence:
        steps = tuple(FoundStep(candidates[each.key].behaviour, each.time_ns, each.is_known) for each in order)
        notes = []
        for number, each in enumerate(order):
            candidate = candidates[each.key]
            doubt = candidate.fits[number].doubt
            if doubt:
                notes.append(f"step {number + 1}: {doubt}")
            if not each.is_known:
                count = candidate.behaviour.count
                notes.append(f"step {number + 1} was counted {count} times: {_UNKNOWN_TIME}")
        return FoundSequence(self._watched, steps[0].behaviour.owner, steps, path, "; ".join(notes) or None)


def _steps_of(candidate: _Candidate, path: str | None, *, takes_doubtful: bool) -> frozenset[int]:
    return frozenset(
        number
        for number, fit in candidate.fits.items()
        if (path is None or path in fit.paths) and (takes_doubtful or fit.doubt is None)
    )
