"""The report as Markdown for a pull request: the verdict first, never longer than a comment may be."""

from typing import Final, TextIO

from pyxhon.report.describe import count_noun, describe_command
from pyxhon.report.digest import Act, gather_acts
from pyxhon.report.escape import escape
from pyxhon.report.markdown.inert import code
from pyxhon.report.markdown.page import fit, measure
from pyxhon.report.markdown.tables import (
    BENEATH_HEAD,
    MATRIX_HEAD,
    VIOLATIONS_HEAD,
    list_beneath,
    list_losses,
    list_matrix,
    list_violations,
)
from pyxhon.report.model import Report

__all__ = ["LIMIT", "write_markdown"]

LIMIT: Final = 65_536
"""What GitHub takes as the body of a comment, in characters."""
_MATRIX_ROOM: Final = 14_000
_BENEATH_ROOM: Final = 14_000
_LOSSES_ROOM: Final = 6_000
_LEGEND: Final = (
    "In the matrix: `-` none, `Y` allowed, **Violation (n)** n acts against the policy, a number: acts that no rule "
    "decides; *native*: done beneath Python."
)


def write_markdown(report: Report, out: TextIO) -> None:
    """Write the page; what does not fit is cut by rows and counted. Violations get what room the others leave."""
    acts = gather_acts(report)
    head = _write_head(report, acts)
    matrix = fit("Matrix", MATRIX_HEAD, list_matrix(report, acts), _MATRIX_ROOM)
    beneath = fit("Invisible at Python level", BENEATH_HEAD, list_beneath(acts), _BENEATH_ROOM)
    losses = fit("What was not seen", (), list_losses(report), _LOSSES_ROOM)
    foot = _write_foot(report, acts)
    room = LIMIT - sum(map(measure, (head, matrix, beneath, losses, foot)))
    violations = fit("Violations", VIOLATIONS_HEAD, list_violations(report, acts), room)
    out.write(f"{head}{matrix}{violations}{beneath}{losses}{foot}")


def _write_head(report: Report, acts: list[Act]) -> str:
    first = report.processes[0] if report.processes else None
    command = code(describe_command(first.argv, 200)) if first else "no process"
    versions = dict.fromkeys(row.interpreter.version for row in report.processes if row.interpreter is not None)
    python = ", ".join(code(escape(version, 24)) for version in list(versions)[:4])
    lines = [
        f"## PyXhon: {_describe_outcome(report, acts)}",
        "",
        f"{command}, {count_noun(len(report.processes), 'process image')}, {report.duration_s:.1f} s"
        + (f", CPython {python}" if python else "")
        + f", Linux {code(escape(report.host.kernel, 40))}, {report.started[:19].replace('T', ' ')} UTC",
        "",
    ]
    if not report.complete:
        lines += ["**Incomplete:** what was lost could hide a violation; this is no clean bill.", ""]
    return "\n".join([*lines, ""])


def _describe_outcome(report: Report, acts: list[Act]) -> str:
    violations = [act for act in acts if act.behaviour.verdict == "violation"]
    if violations or any(package.suggestion == "CodeReview" for package in report.packages):
        owners = len({act.behaviour.package for act in violations})
        return f"CodeReview, {count_noun(len(violations), 'violation')} by {count_noun(owners, 'package')}"
    if not report.complete:
        return "incomplete, nothing found but something was lost"
    if any(package.suggestion == "Accept" for package in report.packages):
        return "Accept, nothing against the policy"
    return "no policy given, nothing was judged"


def _write_foot(report: Report, acts: list[Act]) -> str:
    verdicts = [act.behaviour.verdict for act in acts]
    return (
        f"{_LEGEND}\n\n{count_noun(verdicts.count('allowed'), 'act')} allowed, {verdicts.count('unjudged')} that no "
        f"rule decides. PyXhon {code(escape(report.pyxhon, 24))}; `--format json` has everything.\n"
    )
