"""Violations are answered while a trace is taken: the process that acted is stopped or killed.

A batch of events only raises a suspicion, for it may hold but a part of an act, and of a sequence the last step alone.
What then counts is the judgement of all that was committed, by the way that the report takes, and that it is the same
a moment later: what explains an act may still be under way. So nothing is answered that the report would not call a
violation, and the evidence is in the trace before a signal is sent.
"""

import logging
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from pyxhon.join import Behaviour, Joined, join
from pyxhon.policy.judge import Judged
from pyxhon.policy.sequence_finding import FoundSequence
from pyxhon.policy.sequence_steps import Sorting, StepTest
from pyxhon.report.sequence_model import Reaction
from pyxhon.reporting import find_ordered, judge_joined
from pyxhon.rules import Rules
from pyxhon.target.signalling import SENT, is_down, send_signal
from pyxhon.trace.reader import TraceReader

SIGNALS: Final = {"stop": signal.SIGSTOP, "kill": signal.SIGKILL}
"""What each action is."""
_REST: Final = 9  # times as long as a judgement took, before the next: it takes a tenth of our time
_SHORTEST_REST_S: Final = 0.2
_CONFIRMED_S: Final = 0.1  # as long must it be a violation
_CONFIRMED_UNKNOWN_S: Final = 1.2  # of a program that is no Python, as far as is known: it is looked at again
_MOST_REACTIONS: Final = 1000
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Offence:
    """A violation of a process: by one act, or by the last act of a sequence."""

    act: Behaviour
    sequence: str | None

    @property
    def key(self) -> tuple[int, str]:
        """What tells it from others: the process, and the act or sequence."""
        return self.act.process, self.sequence or self.act.id


class Reactions:
    """Answers violations.

    `is_traced` tells whether a process has not ended, `sent` which names the kernel has answered.
    """

    def __init__(self, action: Literal["stop", "kill"], reader: TraceReader, rules: Rules) -> None:
        self.action: Final = action
        self.rows: list[Reaction] = []
        self.is_traced: Callable[[int], bool] = lambda _pid: True
        self.sent: Callable[[], frozenset[str]] = frozenset
        self._reader = reader
        self._rules = rules
        self._is_suspicious = False
        self._answered: set[int] = set()  # rows of processes
        self._unconfirmed: dict[tuple[int, str], float] = {}  # since when these are offences
        self._due_s = 0.0
        own = [each for each in rules.watched if each.verdict == "violation"]
        self._steps = [(number, at) for number, each in enumerate(own) for at in range(len(each.rule.steps))]
        self._lengths = [len(each.rule.steps) for each in own]
        self._sorting = Sorting(StepTest(step, rules.tables) for each in own for step in each.rule.steps)
        self._seen: dict[tuple[int, str, str], set[int]] = {}  # steps that a package may have done

    @property
    def is_over(self) -> bool:
        """Tell whether tracing ends: a process was stopped, and a person decides."""
        return self.action == "stop" and any(row.outcome == SENT for row in self.rows)

    def watch(self, joined: Joined, judged: Iterable[Judged]) -> None:
        """Look whether something new may be a violation."""
        offences = (row.behaviour for row in judged if row.verdict == "violation")
        self._is_suspicious |= any(row.process not in self._answered for row in offences)
        if self._steps:
            self._watch_steps((*joined.behaviours, *joined.uncategorised))

    def _watch_steps(self, behaviours: Iterable[Behaviour]) -> None:
        directories = {row.id: row.working_directory for row in self._reader.processes()}
        for row in behaviours:
            for each in self._sorting.steps_of(row, directories.get(row.process)):
                number, at = self._steps[each]
                self._seen.setdefault((number, row.owner.name, row.owner.origin), set()).add(at)
        self._is_suspicious |= self._may_be_complete()

    def _may_be_complete(self) -> bool:
        """Tell whether a package may have done all steps of a sequence; a repeat may then complete it at any time."""
        return any(len(seen) == self._lengths[number] for (number, _, _), seen in self._seen.items())

    def react(self, *, is_last: bool) -> list[Reaction]:
        """Judge all that the trace holds, where something is suspicious, and answer; gives what was done."""
        began_s = time.monotonic()
        if not self._is_suspicious or (began_s < self._due_s and not is_last):
            return []
        offences = [each for each in self._find_offences() if each.act.process not in self._answered]
        confirmed = offences if is_last else self._confirm(offences, began_s)
        done = [self._answer(each) for each in _one_of_each_process(confirmed)]
        self.rows += done
        self._is_suspicious = bool(self._unconfirmed) or self._may_be_complete()
        took_s = time.monotonic() - began_s
        rest_s = max(took_s, _CONFIRMED_S) if self._unconfirmed else max(_REST * took_s, _SHORTEST_REST_S)
        self._due_s = began_s + took_s + rest_s
        return done

    def _confirm(self, offences: list[_Offence], now_s: float) -> list[_Offence]:
        """Give those that have been offences for a while."""
        since = {each.key: self._unconfirmed.get(each.key, now_s) for each in offences}
        known = {row.id for row in self._reader.processes() if row.interpreter is not None} if offences else set()
        confirmed = [
            each
            for each in offences
            if now_s - since[each.key] >= (_CONFIRMED_S if each.act.process in known else _CONFIRMED_UNKNOWN_S)
        ]
        done = {each.act.process for each in confirmed}
        self._unconfirmed = {key: first_s for key, first_s in since.items() if key[0] not in done}
        return confirmed

    def told(self) -> list[dict[str, Any]]:
        """Give all that was done as the trace holds it."""
        return [asdict(row) for row in self.rows[:_MOST_REACTIONS]]

    def _find_offences(self) -> Iterable[_Offence]:
        """Give violations; a sequence that is not certain is for the report alone."""
        joined = join(self._reader, None, self._rules.tables)
        for row in judge_joined(joined, self._rules, self._reader):
            if row.verdict == "violation":
                yield _Offence(row.behaviour, None)
        for found in find_ordered(joined, self._rules, self._reader) if self._steps else ():
            if found.watched.verdict == "violation" and found.is_certain:
                yield from _offences_of(found)

    def _answer(self, offence: _Offence) -> Reaction:
        act = offence.act
        self._answered.add(act.process)
        by, outcome = "pyxhon", SENT
        if act.name.rpartition(":")[2] in self.sent() and is_down(act.pid):
            by = "kernel"
        elif self.is_traced(act.pid):
            outcome = send_signal(act.pid, SIGNALS[self.action], act.last_ns)
        else:
            outcome = "it had ended"
        _logger.info("%s of %d: %s, by %s", self.action, act.pid, outcome, by)
        behaviour = None if offence.sequence else act.id
        return Reaction(
            self.action, act.pid, time.monotonic_ns(), by, outcome, act.owner.name, behaviour, offence.sequence
        )


def _one_of_each_process(offences: Iterable[_Offence]) -> Iterable[_Offence]:
    """Give the first of each process: one signal is enough."""
    return {each.act.process: each for each in reversed(list(offences))}.values()


def _offences_of(found: FoundSequence) -> Iterable[_Offence]:
    """Give one for each process that did a step of a sequence, whoever did the last one first."""
    acts = {step.behaviour.process: step.behaviour for step in found.steps}
    for act in reversed(acts.values()):
        yield _Offence(act, found.watched.rule.name)
