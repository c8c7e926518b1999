"""Sequences against the policy, found while a trace is taken: among the acts so far that may be a step of one."""

import time
from dataclasses import replace
from typing import Final

from pyxhon.join import Behaviour, Joined
from pyxhon.policy.folders import find_visited
from pyxhon.policy.sequence_finding import FoundSequence, Places, find_sequences
from pyxhon.policy.sequence_steps import Sorting, StepTest
from pyxhon.reporting import CHANGES_OF_DIRECTORY, find_directories
from pyxhon.rules import Rules
from pyxhon.trace.reader import TraceReader

_MOST_ACTS: Final = 20_000
_REST: Final = 9  # times as long as a search took, before the next: it takes a tenth of our time
_SHORTEST_REST_S: Final = 0.2


class SequenceWatch:
    """Keeps the acts that a sequence may be made of, and tells each sequence once."""

    def __init__(self, reader: TraceReader, rules: Rules) -> None:
        self._reader = reader
        self._tables = rules.tables
        self._watched = [each for each in rules.watched if each.verdict == "violation"]
        self._sorting = Sorting(StepTest(step, rules.tables) for each in self._watched for step in each.rule.steps)
        self._acts: dict[tuple[int, str], Behaviour] = {}
        self._told: set[tuple[str, str, str, str | None]] = set()
        self._has_new = False
        self._due_s = 0.0
        self.is_cut = False
        """Whether there were more acts than are kept, so that a sequence may be in the report alone."""

    def take(self, joined: Joined) -> None:
        """Keep what may be a step of what was joined of a batch."""
        if not self._watched:
            return
        behaviours = (*joined.behaviours, *joined.uncategorised)
        places = self._find_places(behaviours)
        for row in behaviours:
            if row.name in CHANGES_OF_DIRECTORY or self._sorting.steps_of(row, places.text_of(row.process)):
                self._keep(row)

    def find(self, *, is_last: bool = False) -> list[FoundSequence]:
        """Give those that are new; what is not certain may become so, and is told at the end."""
        began_s = time.monotonic()
        if not (is_last and self._acts) and (not self._has_new or began_s < self._due_s):
            return []
        self._has_new = False
        acts = tuple(self._acts.values())
        found = []
        for each in find_sequences(acts, self._watched, self._tables, self._find_places(acts)):
            key = (each.watched.rule.name, each.owner.name, each.owner.origin, each.path)
            if key not in self._told and (is_last or each.is_certain):
                self._told.add(key)
                found.append(each)
        ended_s = time.monotonic()
        self._due_s = ended_s + max(_REST * (ended_s - began_s), _SHORTEST_REST_S)
        return found

    def _keep(self, row: Behaviour) -> None:
        key = (row.process, row.id)
        before = self._acts.get(key)
        if before is None and len(self._acts) >= _MOST_ACTS:
            self.is_cut = True
            return
        self._acts[key] = row if before is None else _put_together(before, row)
        self._has_new = True

    def _find_places(self, behaviours: tuple[Behaviour, ...]) -> Places:
        """Say where processes are, by what is known of them until now."""
        moves = tuple(each for each in self._acts.values() if each.name in CHANGES_OF_DIRECTORY)
        joined = Joined((*moves, *behaviours), ())
        known = find_directories(joined, self._reader)
        return Places(known, find_visited(self._reader.processes(), joined.behaviours, known))


def _put_together(before: Behaviour, later: Behaviour) -> Behaviour:
    """Count an act of two batches together, as the report does."""
    return replace(
        later,
        count=before.count + later.count,
        failed=before.failed + later.failed,
        first_ns=min(before.first_ns, later.first_ns),
        last_ns=max(before.last_ns, later.last_ns),
    )
