"""Compares what strace saw with what the trace has, act by act."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from acts import CLONES, NO_STACK, NOBODY, Act

GAVE_UP_AT_CLONE = "strace gives up at the clone wrapper, which has no unwind table there"
GAVE_UP = "strace gives up earlier on the same way"
NEVER_BACK = "strace prints no stack of a call that never came back"
ANONYMOUS = "anonymous code: strace gives up"
WE_GAVE_UP = "our stack ends earlier"
OTHER = "other"
EXPLAINED = (GAVE_UP_AT_CLONE, GAVE_UP, NEVER_BACK, ANONYMOUS)
"""Reasons that lie with strace; the others are ours."""


@dataclass
class Comparison:
    """How one run went: `pairs` are the acts that both saw, (strace's, ours)."""

    seen: int
    pairs: list[tuple[Act, Act]] = field(default_factory=list)
    missed: list[Act] = field(default_factory=list)
    respelled: list[tuple[Act, Act]] = field(default_factory=list)
    extra: list[Act] = field(default_factory=list)

    @property
    def different(self) -> list[tuple[Act, Act]]:
        """Give the pairs with another responsible object."""
        return [(theirs, ours) for theirs, ours in self.pairs if theirs.responsible != ours.responsible]

    @property
    def different_results(self) -> list[tuple[Act, Act]]:
        """Give the pairs with another result, where both know it."""
        known = [(a, b) for a, b in self.pairs if a.result is not None and b.result is not None]
        return [(theirs, ours) for theirs, ours in known if not _is_same_result(theirs, ours)]

    @property
    def same_objects(self) -> int:
        """Count the pairs whose whole lists of objects are the same, as far as strace's goes."""
        return sum(_is_same_list(theirs.objects, ours.objects) for theirs, ours in self.pairs)

    @property
    def other_frames(self) -> list[tuple[Act, Act]]:
        """Give the pairs whose frames differ, as far as strace's go."""
        return [(theirs, ours) for theirs, ours in self.pairs if not _begins(ours.frames, theirs.frames)]

    @property
    def whole_stacks(self) -> int:
        """Count the pairs whose stacks are the same to the last frame."""
        return sum(theirs.frames == ours.frames for theirs, ours in self.pairs)


def _is_same_list(theirs: tuple[str, ...], ours: tuple[str, ...]) -> bool:
    return theirs == ours or (bool(theirs) and _begins(ours, theirs))


def _begins(whole: tuple[object, ...], part: tuple[object, ...]) -> bool:
    return whole[: len(part)] == part


def _is_same_result(theirs: Act, ours: Act) -> bool:
    return str(theirs.result) == str(ours.result)


def compare(theirs: list[Act], ours: list[tuple[Act, int]]) -> Comparison:
    """Pair the acts of each thread that are the same call on the same thing, in their order."""
    comparison = Comparison(len(theirs))
    waiting: dict[tuple[int, str, str], list[Act]] = defaultdict(list)
    for act, count in sorted(ours, key=lambda one: one[0].time_ns):
        waiting[act.key].extend([act] * count)
    alone = []
    for act in sorted(theirs, key=lambda one: one.time_ns):
        same = waiting[act.key]
        if not same:
            alone.append(act)
            continue
        pair = act, same.pop(0)
        is_told_otherwise = act.subject and act.subject != pair[1].subject
        (comparison.respelled if is_told_otherwise else comparison.pairs).append(pair)
    left = [act for acts in waiting.values() for act in acts]
    _pair_respelled(comparison, alone, left)
    return comparison


def _pair_respelled(comparison: Comparison, alone: list[Act], left: list[Act]) -> None:
    """Pair what differs in the path or address only: seen, but told otherwise."""
    by_call: dict[tuple[int, str], list[Act]] = defaultdict(list)
    for act in sorted(left, key=lambda one: one.time_ns):
        by_call[act.tid, act.name].append(act)
    for act in alone:
        same = by_call[act.tid, act.name]
        if same:
            comparison.respelled.append((act, same.pop(0)))
        else:
            comparison.missed.append(act)
    comparison.extra = [act for acts in by_call.values() for act in acts]


def reason_of(theirs: Act, ours: Act) -> str:
    """Say why the two name different objects."""
    if theirs.note == NO_STACK:
        return NEVER_BACK
    shorter = len(theirs.objects) < len(ours.objects) and _begins(ours.objects, theirs.objects)
    if theirs.name in CLONES and shorter:
        return GAVE_UP_AT_CLONE
    if ours.responsible.startswith("anon:") and (shorter or theirs.responsible == NOBODY):
        return ANONYMOUS
    if shorter:
        return GAVE_UP
    if len(ours.objects) < len(theirs.objects) and _begins(theirs.objects, ours.objects):
        return WE_GAVE_UP
    return OTHER


def count_missing(theirs: Iterable[Act], ours: Iterable[tuple[Act, int]]) -> Counter[tuple[str, str]]:
    """Give the calls, with their paths or addresses, that were seen less often than strace saw them, by how much."""
    expected = Counter((act.pid, *act.key[1:]) for act in theirs)
    for act, count in ours:
        key = (act.pid, *act.key[1:])
        expected[key] -= count
    missing: Counter[tuple[str, str]] = Counter()
    for (_, name, subject), number in expected.items():
        if number > 0:
            missing[name, subject] += number
    return missing
