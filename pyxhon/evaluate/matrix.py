"""The matrix of the paper's table II: what each package did in each step, from the steps' reports."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pyxhon.evaluate.spec import normalise_name
from pyxhon.evaluate.steps import Step

CATEGORIES: Final = ("file", "network", "dll", "os", "builtins")
_INSTALLER: Final = "application"
_MOST_NAMES: Final = 1000


@dataclass(frozen=True, slots=True)
class Cell:
    """What a package did of one category, in one step."""

    status: str
    """The worst verdict: violation, unjudged, allowed; none."""
    python: int
    native: int
    """Below Python, with or without a Python frame."""
    violations: tuple[tuple[str, int], ...] = ()
    """What was against the policy: name, and how many distinct behaviours have it."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step's part of a row."""

    step: Step
    cells: dict[str, Cell]
    suggestion: str | None
    is_complete: bool
    policy: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One package."""

    spec: str
    name: str | None
    version: str | None
    policies: tuple[str, ...]
    steps: tuple[StepRow, ...]
    problem: str | None
    """Why it could not be evaluated; None: it was."""

    @property
    def policy(self) -> str | None:
        """Give what the package may do, for example D-O-B; None: no policy speaks of it."""
        return next((row.policy for row in reversed(self.steps) if row.policy), None)

    @property
    def suggestion(self) -> str | None:
        """Give the worst of all steps: CodeReview when any step had it, None without a policy."""
        all_of_them = [row.suggestion for row in self.steps]
        if "CodeReview" in all_of_them:
            return "CodeReview"
        return "Accept" if "Accept" in all_of_them and self.is_complete else None

    @property
    def is_complete(self) -> bool:
        """Tell whether every step went through and nothing was lost that could hide a violation."""
        return not self.problem and all(row.is_complete and row.step.outcome == "done" for row in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        steps = [
            {
                **row.step.to_dict(),
                "categories": {
                    name: {
                        **asdict(cell),
                        "violations": [{"name": text, "count": count} for text, count in cell.violations],
                    }
                    for name, cell in row.cells.items()
                },
                "suggestion": row.suggestion,
                "complete": row.is_complete,
                "policy": row.policy,
            }
            for row in self.steps
        ]
        return {
            "spec": self.spec,
            "name": self.name,
            "version": self.version,
            "policies": list(self.policies),
            "policy": self.policy,
            "suggestion": self.suggestion,
            "complete": self.is_complete,
            "problem": self.problem,
            "steps": steps,
        }


def row_from_dict(fields: dict[str, Any]) -> Row:
    """Read again what `to_dict` wrote."""
    steps = []
    for row in fields["steps"]:
        cells = {
            name: Cell(
                cell["status"],
                cell["python"],
                cell["native"],
                tuple((violation["name"], violation["count"]) for violation in cell["violations"]),
            )
            for name, cell in row["categories"].items()
        }
        step = Step(**{name: row[name] for name in Step.__slots__})
        steps.append(StepRow(step, cells, row["suggestion"], row["complete"], row["policy"]))
    return Row(
        fields["spec"],
        fields["name"],
        fields["version"],
        tuple(fields["policies"]),
        tuple(steps),
        fields["problem"],
    )


def read_step(step: Step, report: Path, name: str | None) -> StepRow:
    """Read from a step's report what a package did.

    When it is installed, that includes what its own build script does, which is nobody else's.
    """
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return StepRow(
            step, {category: Cell("none", 0, 0) for category in CATEGORIES}, None, is_complete=False, policy=None
        )
    wanted = {normalise_name(name)} if name else set()
    rows = [row for row in content["packages"] if row["origin"] == "distribution"]
    rows = [row for row in rows if normalise_name(row["name"]) in wanted]
    names = {row["name"] for row in rows}
    if step.name == "install":
        names.add(_INSTALLER)
        rows += [row for row in content["packages"] if row["name"] == _INSTALLER]
    acts = [row for row in content["behaviours"] if row["package"] in names]
    cells = {category: _cell(category, rows, acts) for category in CATEGORIES}
    suggestions = [row["suggestion"] for row in rows]
    suggestion = next((one for one in ("CodeReview", "Accept") if one in suggestions), None)
    policy = next((row["policy"] for row in rows if row["policy"]), None)
    return StepRow(step, cells, suggestion, content["complete"], policy)


def _cell(category: str, rows: list[dict[str, Any]], acts: list[dict[str, Any]]) -> Cell:
    found = [row["categories"][category] for row in rows]
    status = next(
        (one for one in ("violation", "unjudged", "allowed") if one in {row["status"] for row in found}), "none"
    )
    violations: dict[str, set[str]] = {}
    for act in acts:
        if act["category"] == category and act["verdict"] == "violation" and len(violations) < _MOST_NAMES:
            violations.setdefault(act["name"], set()).add(act["id"])
    return Cell(
        status,
        sum(row["python"] for row in found),
        sum(row["native"] + row["detached"] for row in found),
        tuple(sorted((name, len(ids)) for name, ids in violations.items())),
    )
