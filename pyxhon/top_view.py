"""What `pyxhon top` shows while a trace is taken: figures on the terminal's other screen, until q is pressed."""

import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final

from pyxhon.categories import CATEGORIES
from pyxhon.join import Joiner
from pyxhon.policy.judge import Judged
from pyxhon.report.build import UNCATEGORISED
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.describe import count_noun, describe_arguments, describe_place, telling_arguments
from pyxhon.report.escape import escape
from pyxhon.report.output import is_colour_wanted
from pyxhon.report.sequence_model import Reaction
from pyxhon.report.top_page import PackageFigures, TopFigures, render_page
from pyxhon.reporting import judge_joined
from pyxhon.rules import Rules
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow

_PERIOD_S: Final = 0.5
_LEAST_SPAN_S: Final = 0.2
_SLOW_PERIOD_S: Final = 5.0  # where there are many events to count
_MANY_EVENTS: Final = 20_000
_MOST_EVENTS: Final = 100_000  # in the figures; further ones are only counted
_FINDINGS, _IMPORTS = 100, 10_000
_OTHER_SCREEN, _OWN_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


class TopView:
    """Owns the terminal while it shows; a context manager that gives it back as it was."""

    def __init__(self, reader: TraceReader, rules: Rules, title: str) -> None:
        self._reader, self._rules = reader, rules
        self._joiner = Joiner(reader, rules.tables)
        self._figures = TopFigures(title)
        self._is_coloured = is_colour_wanted(sys.stderr, os.environ)
        self._began_s = time.monotonic()
        self._counted_s = self._began_s
        self._next_s = 0.0
        self._acts: dict[str, str] = {}  # id → the worst verdict
        self._owners: dict[int, str] = {}  # event → package
        self._calls: dict[int, str] = {}  # event → system call
        self._imports: dict[str, None] = {}
        self._settings: list[Any] = []

    def __enter__(self) -> "TopView":
        self._settings = termios.tcgetattr(sys.stdin.fileno())
        tty.setcbreak(sys.stdin.fileno())
        sys.stderr.write(_OTHER_SCREEN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back, and say in a line what there was."""
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._settings)
        figures = self._figures
        words = (
            count_noun(figures.events, "event"), count_noun(len(self._acts), "behaviour"),
            count_noun(figures.violations, "violation"), f"{figures.lost} lost",
        )  # fmt: skip
        sys.stderr.write(f"{_OWN_SCREEN}pyxhon: {', '.join(words)}\n")
        sys.stderr.flush()

    def tell(self, row: Reaction) -> None:
        """Say nothing: violations are shown here, not answered."""

    def update(self, events: Iterable[EventRow], loss_count: int) -> None:
        """Take the new events of a batch; show the figures, some times a second."""
        batch = list(events)
        self._figures.events += len(batch)
        self._figures.lost = loss_count
        room = _MOST_EVENTS - len(self._owners) - len(self._calls)
        if room > 0:
            self._take(batch)
        else:
            self._figures.left_out += len(batch)
        now = time.monotonic()
        if now >= self._next_s:
            self._next_s = now + (_PERIOD_S if self._figures.events < _MANY_EVENTS else _SLOW_PERIOD_S)
            self._count(now)
            self._show()
        self._read_keys()

    def _take(self, batch: list[EventRow]) -> None:
        self._calls |= {row.id: row.name for row in batch if row.kind == "syscall"}
        joined = self._joiner.join(batch)
        for row in joined.imports:
            if len(self._imports) < _IMPORTS:
                self._imports[row.module] = None
        for judged in judge_joined(joined, self._rules, self._reader):
            self._note(judged)

    def _note(self, judged: Judged) -> None:
        row = judged.behaviour
        self._owners[row.event] = row.owner.name
        before = self._acts.get(row.id)
        package = self._figures.packages.setdefault(row.owner.name, PackageFigures())
        if before is None:
            package.acts[row.category if row.category in CATEGORIES else UNCATEGORISED] += 1
            package.beneath += row.level != "python"
            self._acts[row.id] = judged.verdict
            self._add_finding(judged)
        elif judged.verdict == "violation" != before:
            self._acts[row.id] = "violation"
            self._add_finding(judged)
        if judged.verdict == "violation" != before:
            package.violations += 1
            self._figures.violations += 1

    def _add_finding(self, judged: Judged) -> None:
        row = judged.behaviour
        is_quiet = self._rules.policy is not None and judged.verdict != "violation"
        if row.kind == "import" or is_quiet:
            return
        arguments = describe_arguments(telling_arguments(row.kind, row.name, row.arguments), 80)
        word = "violation: " if judged.verdict == "violation" else ""
        place = describe_place(build_location(row.location), 60)
        shown = f"{word}{escape(row.owner.name, 40)}: {escape(row.name, 60)} {arguments}".rstrip()
        self._figures.findings = [*self._figures.findings[-_FINDINGS:], (shown, place)]

    def _count(self, now: float) -> None:
        """Read how often each act was seen by now; the probes count repeats without telling of each."""
        counts = self._reader.event_counts()
        figures, span_s = self._figures, now - self._counted_s
        totals = dict.fromkeys(figures.packages, 0)
        for event, owner in self._owners.items():
            totals[owner] += counts.get(event, 0)
        calls: dict[str, int] = {}
        for event, name in self._calls.items():
            calls[name] = calls.get(name, 0) + counts.get(event, 0)
        for name, total in totals.items():
            package = figures.packages[name]
            # Just begun, there is no time that it could be a rate of.
            package.rate = max(total - package.count, 0) / span_s if span_s > _LEAST_SPAN_S else 0.0
            package.count = total
        figures.rate = sum(package.rate for package in figures.packages.values())
        figures.acts, figures.system_calls, figures.imports = len(self._acts), calls, list(self._imports)
        figures.seconds, self._counted_s = now - self._began_s, now

    def _show(self) -> None:
        size = shutil.get_terminal_size()
        lines = render_page(self._figures, size.columns, size.lines, is_coloured=self._is_coloured)
        # Written over the page before, each line's rest and all below it cleared: that does not flicker.
        sys.stderr.write("\x1b[H" + "\x1b[K\r\n".join(lines) + "\x1b[J")
        sys.stderr.flush()

    def _read_keys(self) -> None:
        """End as Ctrl-C does when q was pressed."""
        descriptor = sys.stdin.fileno()
        while select.select([descriptor], [], [], 0)[0]:
            keys = os.read(descriptor, 64)
            if not keys or b"q" in keys.lower():
                os.kill(os.getpid(), signal.SIGINT)
                return
