"""What is made of a trace while it is taken: findings are shown, violations answered."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.denials import Denials
from pyxhon.losses import losses_of
from pyxhon.recorder import Recorder
from pyxhon.rules import Rules
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import TraceReader, open_trace

if TYPE_CHECKING:
    from pyxhon.live import Display
    from pyxhon.reacting import Reactions

_REACTING_PERIOD_S: Final = 0.05  # between commits, where what was committed is answered
_MOST_ROUNDS: Final = 16  # of asking whose files are: so many come with a burst of imports
_VIOLATED: Final = 3


class Watching:
    """Shows and answers what was committed. What it needs is imported when the first event is there, not before."""

    def __init__(self, recorder: Recorder, probes: Probes, rules: Rules, options: TraceOptions) -> None:
        self._recorder = recorder
        self._probes = probes
        self._rules = rules
        self._options = options
        self._denials = Denials(probes)
        self._findings: Display | None = None
        self._reactions: Reactions | None = None
        self._begin: Callable[[], Display] | None = None  # where there will be something to show
        self._reader: TraceReader | None = None
        self._last_event = 0
        self._next_s = 0.0

    @property
    def is_reacting(self) -> bool:
        """Tell whether violations are answered; `top` only shows them."""
        return self._rules.action != "report" and not self._options.is_live_view

    @property
    def is_over(self) -> bool:
        """Tell whether tracing ends because a process was stopped."""
        return self._reactions is not None and self._reactions.is_over

    @property
    def stopped(self) -> tuple[int, ...]:
        """Give the processes that were stopped."""
        rows = self._reactions.rows if self._reactions is not None else []
        return tuple(row.pid for row in rows if (row.action, row.outcome) == ("stop", "sent"))

    @property
    def is_due(self) -> bool:
        """Tell whether to commit now, so that it can be answered."""
        return self.is_reacting and time.monotonic() >= self._next_s

    @property
    def exit_status(self) -> int:
        """Give the status of a run without a report: 3 where a process was to be stopped or killed."""
        return _VIOLATED if self._reactions is not None and self._reactions.rows else 0

    @contextlib.contextmanager
    def begin(self, path: Path, *, has_status: bool = True) -> Iterator[None]:
        """Show and answer while the block runs, from the first event on."""
        self._recorder.store.commit(is_forced=True)
        options = self._options
        is_telling = has_status and (sys.stderr.isatty() or options.verbosity > 0)
        if not self.is_reacting and (options.is_quiet or (self._rules.policy is None and not is_telling)):
            yield
            return
        self._deny()
        with open_trace(path) as reader, contextlib.ExitStack() as shown:

            def begin() -> "Display":
                from pyxhon.live import open_display  # noqa: PLC0415 - see above

                reactions = self._begin_reactions(reader)
                watch = reactions.watch if reactions else None
                display = open_display(reader, self._rules, options, has_status=has_status, watch=watch)
                return shown.enter_context(display)

            self._begin, self._reader = begin, reader
            if self.is_reacting:
                self._findings = begin()  # the target may wait for it, the answer may not
            try:
                yield
            finally:
                self._findings = self._begin = self._reader = None

    def show(self, *, is_last: bool = False) -> None:
        """Pass on the new events, once it is known whose they are."""
        self._next_s = time.monotonic() + _REACTING_PERIOD_S
        if self._begin is None or self._reader is None or not self._are_owners_known():
            return
        if self._findings is None:
            self._findings = self._begin()
        rows = list(self._reader.events(self._last_event))
        if rows:
            self._last_event = rows[-1].id
        lost = sum(losses_of(self._probes.counters()).values())
        self._findings.update(rows, lost)
        if self._reactions is not None and (done := self._reactions.react(is_last=is_last)):
            self._recorder.store.set_meta(reactions=self._reactions.told())
            self._recorder.store.commit(is_forced=True)
            for row in done:
                self._findings.tell(row)

    def _are_owners_known(self) -> bool:
        """Tell whether all that was committed has its owner; where violations are answered, that is not waited for."""
        ownership = self._recorder.ownership
        if self.is_reacting and ownership.has_work:
            for _ in range(_MOST_ROUNDS):
                ownership.work()
            self._recorder.store.commit(is_forced=True)
        return not ownership.has_work

    def _begin_reactions(self, reader: TraceReader) -> "Reactions | None":
        if self._rules.action == "report" or not self.is_reacting:
            return None
        from pyxhon.reacting import Reactions  # noqa: PLC0415 - most runs answer nothing

        self._reactions = Reactions(self._rules.action, reader, self._rules)
        self._reactions.is_traced = self._recorder.by_pid.__contains__
        self._reactions.sent = self._denials.sent
        return self._reactions

    def _deny(self) -> None:
        """Let the kernel answer what needs no owner to be judged; not where it would be we who are answered."""
        policy = self._rules.policy
        if (
            policy is None
            or self._rules.action == "report"
            or not self.is_reacting
            or self._probes.is_followed(os.getpid())
        ):
            return
        from pyxhon.policy.probed import functions_named  # noqa: PLC0415 - most runs answer nothing
        from pyxhon.policy.undisputed import find_undisputed  # noqa: PLC0415 - as above
        from pyxhon.reacting import SIGNALS  # noqa: PLC0415 - as above

        named = functions_named(policy)
        is_probed = bool(self._options.functions or named.names or named.patterns or named.python)
        found = find_undisputed(policy, has_probed_functions=is_probed)
        self._denials.deny(found.events, found.calls, SIGNALS[self._rules.action])
