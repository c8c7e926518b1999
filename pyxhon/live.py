"""Findings while tracing: new violations as they happen, and on a terminal one line that tells how it goes."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Protocol

from pyxhon.join import Joined, Joiner
from pyxhon.policy.judge import Judged
from pyxhon.report.build import UNCATEGORISED
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.describe import (
    count_noun,
    describe_arguments,
    describe_command,
    describe_location,
    describe_reaction,
    describe_remedy,
    telling_arguments,
)
from pyxhon.report.escape import escape
from pyxhon.report.output import is_colour_wanted
from pyxhon.report.sequence_model import Reaction
from pyxhon.reporting import judge_joined
from pyxhon.rules import Rules
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow

_PERIOD_S: Final = 0.25
_LOG_PERIOD_S: Final = 5.0  # with -v, where standard error is no terminal
_ARGUMENT_LIMIT: Final = 120
_FINDING_LIMIT: Final = 200  # lines; a flood would only scroll them away
_CLEAR_LINE: Final = "\r\x1b[K"


class Display(Protocol):
    """What is shown while a trace is taken."""

    def update(self, events: Iterable[EventRow], loss_count: int) -> None:
        """Take the new events of a batch, and how much was lost by now."""

    def tell(self, row: Reaction) -> None:
        """Say what was done to a process."""


Watch = Callable[[Joined, Iterable[Judged]], None]


def open_display(
    reader: TraceReader, rules: Rules, options: TraceOptions, *, has_status: bool, watch: Watch | None = None
) -> "contextlib.AbstractContextManager[Display]":
    """Give what the options ask for."""
    if options.is_live_view:
        from pyxhon.top_view import TopView  # noqa: PLC0415 - not needed elsewhere

        return TopView(reader, rules, _name_target(reader))
    return LiveFindings(reader, rules, options, has_status=has_status, watch=watch)


def _name_target(reader: TraceReader) -> str:
    for row in reader.processes():
        return f"pid {row.pid}, {describe_command([str(word) for word in row.arguments], 100)}"
    return "no process yet"


class LiveFindings:
    """Owns the last line of standard error while a trace is taken; a context manager that cleans it up.

    `has_status` is False where the target writes to the same terminal. `watch` gets all that is joined and judged.
    """

    def __init__(
        self,
        reader: TraceReader,
        rules: Rules,
        options: TraceOptions,
        *,
        has_status: bool = True,
        watch: Watch | None = None,
    ) -> None:
        self._watch = watch
        self._reader = reader
        self._joiner = Joiner(reader, rules.tables)
        self._rules = rules
        self._is_quiet = options.is_quiet
        self._is_terminal = sys.stderr.isatty()
        self._has_status = has_status and (self._is_terminal or options.verbosity > 0)
        self._is_coloured = is_colour_wanted(sys.stderr, os.environ)
        self._seen: dict[str, bool] = {}  # behaviour id: is it a violation
        self._event_count = 0
        self._shown_count = 0
        self._next_status_s = 0.0
        self._is_shown = False

    def __enter__(self) -> "LiveFindings":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the status line."""
        self._clear()
        sys.stderr.flush()

    def update(self, events: Iterable[EventRow], loss_count: int) -> None:
        """Take the new events of a batch: print what they violate and how it goes."""
        batch = list(events)
        self._event_count += len(batch)
        if self._is_quiet and self._watch is None:
            return
        if batch and (self._rules.policy is not None or self._has_status):
            joined = self._joiner.join(batch)
            judged = judge_joined(joined, self._rules, self._reader)
            if self._watch is not None:
                self._watch(joined, judged)
            for row in judged if not self._is_quiet else ():
                self._note(row)
        self._show_status(loss_count)
        sys.stderr.flush()

    def tell(self, row: Reaction) -> None:
        """Say what was done to a process."""
        if not self._is_quiet:
            self._clear()
            remedy = describe_remedy(row)
            sys.stderr.write(f"pyxhon: {describe_reaction(row)}{f'; {remedy}' if remedy else ''}\n")
            sys.stderr.flush()

    def _note(self, judged: Judged) -> None:
        was_violation = self._seen.get(judged.behaviour.id, False)
        self._seen[judged.behaviour.id] = was_violation or judged.verdict == "violation"
        if not self._seen[judged.behaviour.id] or was_violation or self._shown_count > _FINDING_LIMIT:
            return
        self._clear()
        self._shown_count += 1
        if self._shown_count > _FINDING_LIMIT:
            sys.stderr.write("pyxhon: further violations are only in the report\n")
        else:
            sys.stderr.write(describe_finding(judged, is_coloured=self._is_coloured) + "\n")

    def _show_status(self, loss_count: int) -> None:
        now = time.monotonic()
        if self._is_quiet or not self._has_status or now < self._next_status_s:
            return
        self._next_status_s = now + (_PERIOD_S if self._is_terminal else _LOG_PERIOD_S)
        parts = (
            count_noun(self._event_count, "event"),
            count_noun(len(self._seen), "behaviour"),
            count_noun(sum(self._seen.values()), "violation"),
            f"{loss_count} lost",
        )
        line = f"pyxhon: {', '.join(parts)}"
        sys.stderr.write(f"{_CLEAR_LINE}{line}" if self._is_terminal else f"{line}\n")
        self._is_shown = self._is_terminal

    def _clear(self) -> None:
        if self._is_shown:
            sys.stderr.write(_CLEAR_LINE)
            self._is_shown = False


def describe_finding(judged: Judged, *, is_coloured: bool) -> str:
    """Show a violation on one line."""
    behaviour = judged.behaviour
    word = "\x1b[1;31mviolation\x1b[0m" if is_coloured else "violation"
    arguments = telling_arguments(behaviour.kind, behaviour.name, behaviour.arguments)
    shown = f"{escape(behaviour.name, 120)} {describe_arguments(arguments, _ARGUMENT_LIMIT)}".rstrip()
    owner = f"{escape(behaviour.owner.name, 60)}: {behaviour.category or UNCATEGORISED}"
    where = describe_location(build_location(behaviour.location))
    return f"pyxhon: {word}: {owner}: {shown} at {where} (pid {behaviour.pid})"
