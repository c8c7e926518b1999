"""The words of the matrix, the same in every format; not yet escaped for it."""

from collections.abc import Iterator

from pyxhon.evaluate.matrix import CATEGORIES, Cell, Row, StepRow
from pyxhon.report.escape import escape

HEADINGS = ("Package", "Step", "Policy", "File", "Network", "DLL", "OS", "Builtins", "Suggestion")
_NAMES_SHOWN = 6


def lines_of(row: Row) -> Iterator[tuple[str, ...]]:
    """Give a line for each step of a package, as wide as the headings."""
    title = escape(f"{row.name or row.spec} {row.version or ''}".strip(), 60)
    if not row.steps:
        yield (title, "-", *[""] * 6, "not evaluated")
    for index, step in enumerate(row.steps):
        cells = [describe_cell(step.cells[category]) for category in CATEGORIES]
        ending = row.suggestion_of(step) or ("-" if row.policy else "no policy")
        policy = escape(row.policy or "-", 40)
        yield (title if not index else "", step.step.name, policy, *cells, ending + _incomplete(step))


def notes_of(row: Row) -> Iterator[str]:
    """Give what is to be said of a package beside its lines."""
    if row.problem:
        yield f"{escape(row.spec, 80)}: {escape(row.problem, 300)}"
    for step in row.steps:
        if step.step.outcome not in {"done", "failed"}:
            yield f"{escape(row.spec, 80)}: {step.step.name} was ended: {step.step.outcome}"
        elif step.step.outcome == "failed" and not row.problem:
            said = escape(step.step.message, 300)
            yield f"{escape(row.spec, 80)}: {step.step.name} ended with status {step.step.status}: {said}"


def describe_cell(cell: Cell) -> str:
    """Give a cell in the words of the paper's table II, with the numbers at Python level and below."""
    if cell.status == "none":
        return "-"
    counts = f"{cell.python}/{cell.native}"
    if not cell.violations:
        return f"{'allowed' if cell.status == 'allowed' else cell.status} {counts}"
    total = sum(count for _, count in cell.violations)
    names = ", ".join(escape(name, 60) for name, _ in cell.violations[:_NAMES_SHOWN])
    more = f" and {len(cell.violations) - _NAMES_SHOWN} more" if len(cell.violations) > _NAMES_SHOWN else ""
    return f"Violation({total}): {names}{more}; {counts}"


def _incomplete(step: StepRow) -> str:
    return "" if step.is_complete and step.step.went_through else ", incomplete"
