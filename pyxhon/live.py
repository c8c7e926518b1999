"""Findings while tracing: new violations as they happen, and on a terminal one line that tells how it goes."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Protocol

from pyxhon.join import Joined, Joiner
from pyxhon.live_sequences import SequenceWatch
from pyxhon.policy.judge import Judged
from pyxhon.report.describe import count_noun, describe_reaction, describe_remedy
from pyxhon.report.live_lines import finding_lines, fold, sequence_lines
from pyxhon.report.output import is_colour_wanted
from pyxhon.report.sequence_model import Reaction
from pyxhon.reporting import judge_joined
from pyxhon.rules import Rules
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow

_PERIOD_S: Final = 0.25
_LOG_PERIOD_S: Final = 5.0  # with -v, where standard error is no terminal
_FINDING_LIMIT: Final = 200  # lines; a flood would only scroll them away
_CLEAR_LINE: Final = "\r\x1b[K"
_TITLE_WORDS: Final = 24
_COLUMNS: Final = 80  # where the terminal does not tell


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
    """Say what is watched; escaped where it is shown."""
    for row in reader.processes():
        program, *words = [str(word) for word in row.arguments[:_TITLE_WORDS]] or ["?"]
        return f"pid {row.pid}, {' '.join([program.rpartition('/')[2] or program, *words])}"
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
        has_sequences = rules.policy is not None and bool(rules.policy.sequences)
        self._sequences = SequenceWatch(reader, rules) if has_sequences else None
        self._sequence_count = 0
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
        """Tell what was not told yet, and remove the status line."""
        if kind is None and not self._is_quiet:
            self._tell_sequences(is_last=True)
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
            if not self._is_quiet:
                for row in judged:
                    self._note(row)
                if self._sequences is not None:
                    self._sequences.take(joined)
        if not self._is_quiet:
            self._tell_sequences()
        self._show_status(loss_count)
        sys.stderr.flush()

    def tell(self, row: Reaction) -> None:
        """Say what was done to a process."""
        if not self._is_quiet:
            remedy = describe_remedy(row)
            line = f"pyxhon: {describe_reaction(row)}{f'; {remedy}' if remedy else ''}"
            columns = self._columns()
            self._write([line] if columns is None else fold(line, columns))
            sys.stderr.flush()

    def _note(self, judged: Judged) -> None:
        was_violation = self._seen.get(judged.behaviour.id, False)
        self._seen[judged.behaviour.id] = was_violation or judged.verdict == "violation"
        if not self._seen[judged.behaviour.id] or was_violation:
            return
        self._tell(finding_lines(judged, self._columns()))

    def _tell_sequences(self, *, is_last: bool = False) -> None:
        """Tell what acts against the policy were done in order, each once."""
        if self._sequences is None:
            return
        for found in self._sequences.find(is_last=is_last):
            self._sequence_count += 1
            self._tell(sequence_lines(found, self._columns()))
        if is_last and self._sequences.is_cut:
            self._write(["pyxhon: further sequences are only in the report"])

    def _tell(self, lines: list[str]) -> None:
        """Print a violation, unless there were too many."""
        if self._shown_count > _FINDING_LIMIT:
            return
        self._shown_count += 1
        if self._shown_count > _FINDING_LIMIT:
            self._write(["pyxhon: further violations are only in the report"])
            return
        if self._is_coloured:
            lines = [lines[0].replace("violation", "\x1b[1;31mviolation\x1b[0m", 1), *lines[1:]]
        self._write(lines)

    def _write(self, lines: list[str]) -> None:
        self._clear()
        sys.stderr.write("\n".join(lines) + "\n")

    def _columns(self) -> int | None:
        """Give how wide the terminal is; None: there is none, and a line is as long as it is."""
        if not self._is_terminal:
            return None
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    def _show_status(self, loss_count: int) -> None:
        now = time.monotonic()
        if self._is_quiet or not self._has_status or now < self._next_status_s:
            return
        self._next_status_s = now + (_PERIOD_S if self._is_terminal else _LOG_PERIOD_S)
        parts = (
            count_noun(self._event_count, "event"),
            count_noun(len(self._seen), "behaviour"),
            count_noun(sum(self._seen.values()), "violation"),
            *([count_noun(self._sequence_count, "sequence")] if self._sequence_count else ()),
            f"{loss_count} lost",
        )
        columns = self._columns()
        line = f"pyxhon: {', '.join(parts)}"[: columns and columns - 1]  # a folded one could not be taken back
        sys.stderr.write(f"{_CLEAR_LINE}{line}" if self._is_terminal else f"{line}\n")
        self._is_shown = self._is_terminal

    def _clear(self) -> None:
        if self._is_shown:
            sys.stderr.write(_CLEAR_LINE)
            self._is_shown = False
