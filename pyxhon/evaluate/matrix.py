"""The matrix of the paper's table II: what each package did in each step, from the steps' reports."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pyxhon.evaluate.sandbox import BUILT, ENVIRONMENT, EXERCISE, HOME, PROGRAMS, TOOLS
from pyxhon.evaluate.spec import normalise_name
from pyxhon.evaluate.steps import Step

CATEGORIES: Final = ("file", "network", "dll", "os", "builtins")
_NOBODY: Final = frozenset({"application", "unknown"})
_EXERCISES: Final = (f"{PROGRAMS}/", EXERCISE)
_MADE_THERE: Final = (f"{HOME}/", "/tmp/", "/dev/shm/", f"{ENVIRONMENT}/")  # noqa: S108 - within
_TEXT: Final = "<string>"
_TOOLS_OF_BUILD: Final = (f"{BUILT}/tools/", f"{PROGRAMS}/", f"{TOOLS}/")
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
        return not self.problem and all(row.is_complete and row.step.went_through for row in self.steps)

    def suggestion_of(self, step: StepRow) -> str | None:
        """Give the suggestion of one step; a package that did nothing in it has no row in that step's report."""
        is_idle = all(cell.status == "none" for cell in step.cells.values())
        return step.suggestion or ("Accept" if self.policy and is_idle and step.is_complete else None)

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
                "suggestion": self.suggestion_of(row),
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
    is_installing = step.name == "install"
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return StepRow(
            step, {category: Cell("none", 0, 0) for category in CATEGORIES}, None, is_complete=False, policy=None
        )
    rows = [row for row in content["packages"] if name and normalise_name(row["name"]) == normalise_name(name)]
    names = {row["name"] for row in rows if row["origin"] in {"distribution", "dll"}}
    is_its_own = _is_of_build if is_installing else _is_of_nobody
    acts = [act for act in content["behaviours"] if act["package"] in names or is_its_own(act)]
    verdicts = {act["verdict"] for act in acts} - ({"unjudged"} if is_installing else set())
    policy = next((row["policy"] for row in rows if row["policy"]), None)
    is_clean = policy is not None and "unjudged" not in verdicts
    suggestion = "CodeReview" if "violation" in verdicts else "Accept" if is_clean else None
    return StepRow(
        step, {one: _cell(one, acts) for one in CATEGORIES}, suggestion, content["complete"] and step.is_known, policy
    )


def _is_of_nobody(act: dict[str, Any]) -> bool:
    """Tell whether an act is of code that no distribution owns, and that is not the exercise: it was made there."""
    if act["package"] not in _NOBODY:
        return False
    files = [frame["file"] or "" for frame in act["python_stack"]]
    return not any(file.startswith(_EXERCISES) for file in files[-1:]) or any(
        file.startswith(_MADE_THERE) for file in files
    )


def _is_of_build(act: dict[str, Any]) -> bool:
    """Tell whether an act is the package's own build script's, whoever executes it, and no build tool's.

    setuptools executes setup.py as a text, so that the report has its acts as those of setuptools.
    """
    for frame in act["python_stack"]:
        file = frame["file"] or ""
        if file.startswith(_TOOLS_OF_BUILD):
            return False
        if file == _TEXT or file.startswith(f"{BUILT}/"):
            return True
    return False


def _cell(category: str, acts: list[dict[str, Any]]) -> Cell:
    found = {act["id"]: act for act in acts if act["category"] == category}
    statuses = {act["verdict"] for act in acts if act["category"] == category}
    status = next((one for one in ("violation", "unjudged", "allowed") if one in statuses), "none")
    violations: dict[str, set[str]] = {}
    for act in acts:
        if act["category"] == category and act["verdict"] == "violation" and len(violations) < _MOST_NAMES:
            violations.setdefault(act["name"], set()).add(act["id"])
    at_python = sum(act["level"] == "python" for act in found.values())
    return Cell(
        status,
        at_python,
        len(found) - at_python,
        tuple(sorted((text, len(ids)) for text, ids in violations.items())),
    )
