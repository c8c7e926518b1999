"""A report judged anew by another policy, without its trace: what it carries for that is in `judging_model`."""

import dataclasses
from collections.abc import Iterable
from typing import Final

from pyxhon.join import Owner
from pyxhon.policy.judge import Judged, judge, summarize
from pyxhon.policy.model import Policy
from pyxhon.policy.sequence_finding import Watched, blame, find_sequences
from pyxhon.report import model
from pyxhon.report.build import (
    HARMLESS_LOSSES,
    LISTED_WHEN_LOADED,
    UNCATEGORISED,
    Judgement,
    build_packages,
)
from pyxhon.report.build_judging import Acts, read_acts
from pyxhon.report.build_sequences import build_sequences
from pyxhon.report.judging_model import Judging, PlainAct

LEFT_OUT: Final = "acts_left_out"
"""The loss of acts that a report does not carry, so that no policy can be held against them."""
_VERSIONS: Final = " / "


def rejudge(report: model.Report, policy: Policy, watched: Iterable[Watched]) -> model.Report:
    """Judge a report anew. Raises ReportError for one that lacks what a policy needs.

    Acts that the report left out cannot be judged: they become a loss, so that it is never a clean bill.
    """
    acts = read_acts(report)
    judged = judge(acts.all(), policy, acts.places.directories)
    kept = [number for number, row in enumerate(judged) if _is_shown(row)]
    rows = tuple(judged[number] for number in kept)
    found = find_sequences(acts.all(), watched, policy.tables, acts.places)
    owners = [owner for row in report.packages for owner in _owners_of(row)]
    loaded = [owner for owner in owners if owner.origin in LISTED_WHEN_LOADED]
    packages = blame(summarize(rows, policy, loaded), found)
    words = {row.owner.name: row.reason for row in packages}
    losses = {**report.losses, **({LEFT_OUT: report.acts_left_out} if report.acts_left_out else {})}
    shown = _Shown(report, acts)
    return dataclasses.replace(
        report,
        packages=build_packages(owners, Judgement(rows, packages)),
        behaviours=[shown.behaviour(number, judged[number]) for number in kept],
        details=[shown.detail(number, judged[number], words) for number in kept],
        judging=[shown.judging(number) for number in kept],
        uncategorised=[shown.plain(number) for number in sorted(set(range(len(judged))).difference(kept))],
        losses=dict(sorted(losses.items())),
        complete=HARMLESS_LOSSES.issuperset(losses),
        sequences=build_sequences(found),
    )


def _is_shown(row: Judged) -> bool:
    return row.behaviour.category is not None or row.verdict == "violation"


def _owners_of(row: model.Package) -> list[Owner]:
    versions: list[str | None] = [*row.version.split(_VERSIONS)] if row.version else [None]
    return [Owner(row.name, version, row.origin) for version in versions]


class _Shown:
    """The rows of a report for its acts, by their number in `Acts.all`."""

    def __init__(self, report: model.Report, acts: Acts) -> None:
        self._report = report
        self._acts = acts.all()
        self._plain = sorted(report.uncategorised, key=lambda row: row.first_ns)  # as `read_acts` orders them
        self._count = len(report.behaviours)

    def behaviour(self, number: int, judged: Judged) -> model.Behaviour:
        """Give the row of an act, with its new verdict."""
        row = self._report.behaviours[number] if number < self._count else self._build(number)
        category = judged.behaviour.category or UNCATEGORISED
        return dataclasses.replace(row, verdict=judged.verdict, rule=judged.rule, category=category)

    def detail(self, number: int, judged: Judged, words: dict[str, str | None]) -> model.Detail:
        """Give more of an act, with the reason for its new verdict."""
        act = judged.behaviour
        reason, told = judged.reason or None, words.get(act.owner.name)
        if number < self._count:
            return dataclasses.replace(self._report.details[number], reason=reason, policy_reason=told)
        return model.Detail(act.id, act.pid, act.failed, act.is_truncated, list(act.chain), reason, told)

    def judging(self, number: int) -> Judging:
        """Give what a policy needs of an act."""
        return self._report.judging[number] if number < self._count else self._plain[number - self._count].judging

    def plain(self, number: int) -> PlainAct:
        """Give the row of an act that is not shown."""
        if number >= self._count:
            return self._plain[number - self._count]
        row, detail = self._report.behaviours[number], self._report.details[number]
        return PlainAct(
            row.id,
            row.package,
            row.level,
            row.kind,
            row.name,
            row.args,
            detail.truncated,
            row.count,
            detail.failed,
            row.first_ns,
            row.last_ns,
            row.tid,
            row.location,
            detail.chain,
            self._report.judging[number],
        )

    def _build(self, number: int) -> model.Behaviour:
        """Make the row of an act that was not shown; of its stack the place of the act alone is known."""
        plain, act = self._plain[number - self._count], self._acts[number]
        return model.Behaviour(
            id=plain.id,
            package=plain.package,
            category=UNCATEGORISED,
            level=plain.level,
            verdict="unjudged",
            rule=None,
            kind=plain.kind,
            name=plain.name,
            args=plain.args,
            result=None,
            count=plain.count,
            first_ns=plain.first_ns,
            last_ns=plain.last_ns,
            pid=act.pid,
            tid=plain.tid,
            location=plain.location,
            instruction=None,
            object=None,
            python_stack=[plain.location] if plain.location else [],
            native_stack=[],
            signals=[plain.kind],
        )
