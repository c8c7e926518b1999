"""The tables of the page: the matrix, violations, acts beneath Python, what was lost."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Final

from pyxhon.categories import CATEGORIES
from pyxhon.report.build import HARMLESS_LOSSES
from pyxhon.report.describe import (
    count_noun,
    describe_arguments,
    describe_count,
    describe_path,
    describe_pids,
    describe_whole_location,
    telling_arguments,
)
from pyxhon.report.digest import (
    Act,
    Cell,
    Tally,
    group_by_package,
    group_imports,
    group_variants,
    is_start_up,
    tally_cells,
)
from pyxhon.report.escape import escape
from pyxhon.report.markdown.inert import cell, code
from pyxhon.report.markdown.page import Rows
from pyxhon.report.model import Coverage, Package, Report

MATRIX_HEAD: Final = (
    "| Package | Version | Policy | File | Network | DLL | OS | Built-ins | Suggestion |",
    "|---|---|---|---|---|---|---|---|---|",
)
VIOLATIONS_HEAD: Final = ("| Package | Category | What | Where | Times | Decided by |", "|---|---|---|---|---|---|")
BENEATH_HEAD: Final = ("| DLL | For | Category | What | Where | Times | Verdict |", "|---|---|---|---|---|---|---|")
_WHAT_COLUMNS: Final = 200
_PLACE_COLUMNS: Final = 120
_NAME_COLUMNS: Final = 60
_RULE_COLUMNS: Final = 160
_NAMES: Final = 12
_VERDICTS: Final = ("violation", "unjudged", "allowed")


def list_matrix(report: Report, acts: Iterable[Act]) -> Rows[Package]:
    """Give a row for each package that acted or that a policy speaks of, those to be reviewed first."""
    groups = group_by_package(report.packages, acts)

    def show(package: Package) -> str:
        cells = tally_cells(groups[package.name])
        return _join(
            [
                cell(escape(package.name, _NAME_COLUMNS)),
                cell(escape(package.version or "", 24)),
                cell(escape(package.policy or "", 24)),
                *(_show_cell(cells[category]) for category in CATEGORIES),
                f"**{package.suggestion}**" if package.suggestion == "CodeReview" else package.suggestion or "-",
            ]
        )

    shown = [row for row in report.packages if groups[row.name] or row.suggestion]
    return Rows(sorted(shown, key=lambda row: row.suggestion != "CodeReview"), show)


def list_violations(report: Report, acts: Sequence[Act]) -> Rows[list[Act]]:
    """Give a row for each act against the policy, those that differ in arguments alone together, then the imports.

    The project's own come first, then those of distributions, as in the matrix.
    """
    order = {row.name: number for number, row in enumerate(report.packages)}
    violations = [act for act in acts if act.behaviour.verdict == "violation"]
    violations.sort(key=lambda act: order.get(act.behaviour.package, len(order)))
    groups = group_variants(act for act in violations if act.behaviour.kind != "import")
    imports = group_imports(act for act in violations if act.behaviour.kind == "import")
    versions = {row.name: row.version for row in report.packages}
    return Rows([*groups, *imports], lambda group: _show_violation(group, versions))


def list_beneath(acts: Iterable[Act]) -> Rows[list[Act]]:
    """Give a row for each act that no audit event explains; those of the interpreter itself come last."""
    beneath = [act for act in acts if act.behaviour.level != "python" and not is_start_up(act)]
    beneath.sort(key=lambda act: (_VERDICTS.index(act.behaviour.verdict), act.behaviour.object is None))
    groups: dict[tuple[str | None, str], list[Act]] = {}
    for act in beneath:
        groups.setdefault((act.behaviour.object, act.behaviour.verdict), []).append(act)
    return Rows([group for rows in groups.values() for group in group_variants(rows)], _show_beneath)


def list_losses(report: Report) -> Rows[str]:
    """Give a line for each reason of loss, and for each signal that a Python process was not watched by."""
    lines = []
    for reason, count in report.losses.items():
        weight = "the acts are in the report" if reason in HARMLESS_LOSSES else "**it could hide a violation**"
        lines.append(f"- {code(escape(reason, _NAME_COLUMNS))}: {count}; {weight}")
    gaps: dict[tuple[str, str], dict[int, None]] = {}
    for process in report.processes:
        for field in fields(Coverage) if process.interpreter is not None else ():
            source = str(getattr(process.coverage, field.name))
            if source.startswith("unavailable"):
                gaps.setdefault((field.name, source), {})[process.pid] = None
    lines += [
        f"- signal {name}: {code(escape(source, _RULE_COLUMNS))} ({describe_pids(pids)})"
        for (name, source), pids in gaps.items()
    ]
    return Rows(lines, str)


def _join(words: Iterable[str]) -> str:
    return f"| {' | '.join(words)} |"


def _show_cell(found: Cell) -> str:
    native = f", native {_show_tally(found.native)}" if found.native else ""
    return _show_tally(found.python) + native


def _show_tally(tally: Tally) -> str:
    if tally.violation:
        return f"**Violation ({tally.violation})**"
    return str(tally.unjudged) if tally.unjudged else "Y" if tally.allowed else "-"


def _show_violation(group: list[Act], versions: dict[str, str | None]) -> str:
    row = group[0].behaviour
    what = _describe_imports(group) if row.kind == "import" else _describe_act(group)
    version = versions.get(row.package)
    name = escape(row.package, _NAME_COLUMNS) + (f" {escape(version, 24)}" if version else "")
    reason = group[0].detail.reason
    words = [
        cell(name),
        row.category,
        what,
        _describe_place(group),
        describe_count(sum(act.count for act in group)),
        cell(escape(row.rule or "", _RULE_COLUMNS)) + (f": {cell(escape(reason, _RULE_COLUMNS))}" if reason else ""),
    ]
    return _join(words)


def _show_beneath(group: list[Act]) -> str:
    row = group[0].behaviour
    words = [
        cell(describe_path(row.object, _NAME_COLUMNS)) if row.object else "interpreter and C library",
        cell(escape(row.package, _NAME_COLUMNS)),
        row.category,
        _describe_act(group),
        _describe_place(group),
        describe_count(sum(act.count for act in group)),
        "**violation**" if row.verdict == "violation" else row.verdict,
    ]
    return _join(words)


def _describe_act(group: list[Act]) -> str:
    row = group[0].behaviour
    arguments = describe_arguments(telling_arguments(row.kind, row.name, row.args), _WHAT_COLUMNS)
    more = f" and {len(group) - 1} with other arguments" if len(group) > 1 else ""
    cut = ", cut" if group[0].detail.truncated else ""
    return cell(f"{escape(row.name, 120)} {arguments}".rstrip()) + cut + more


def _describe_imports(group: list[Act]) -> str:
    names = list(dict.fromkeys(act.behaviour.name.removeprefix("import ") for act in group))
    shown = ", ".join(escape(name, 48) for name in names[:_NAMES])
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"{count_noun(len(names), 'import')}: {cell(shown)}{more}"


def _describe_place(group: list[Act]) -> str:
    row = group[0].behaviour
    places = len({act.behaviour.location for act in group})
    if places > 1:
        return count_noun(places, "place")
    level = "" if row.level == "python" else f", {row.level}"
    return cell(describe_whole_location(row.location, _PLACE_COLUMNS)) + level
