"""What the lists of the page are made of: one object that its script reads, bounded, with what was left out."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyxhon.report.digest import Act
from pyxhon.report.html.acts import choose_acts, make_act_row
from pyxhon.report.html.surroundings import (
    find_loads,
    make_call_row,
    make_code_row,
    make_dll_row,
    make_import_row,
    make_unseen_rows,
)
from pyxhon.report.html.tables import Stacks, Texts
from pyxhon.report.model import Report


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each list a page holds."""

    acts: int = 100_000
    stack_nodes: int = 2_000_000
    imports: int = 30_000
    dlls: int = 2_000
    calls: int = 30_000
    code: int = 500
    unseen: int = 30_000


LIMITS: Final = Limits()
# Nothing in a script block may end it or begin a comment in it; U+2028 and U+2029 end lines in old readers.
_UNSAFE: Final = re.compile("[<>&\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Content:
    """The page's data as JSON for a script block, and what was left out of it: list → how many."""

    json: str
    left_out: dict[str, int]


def make_content(report: Report, acts: Sequence[Act], limits: Limits = LIMITS) -> Content:
    """Make the data of a page from a report and its acts."""
    texts = Texts()
    stacks = Stacks(texts, limits.stack_nodes)
    start_ns = min((act.behaviour.first_ns for act in acts), default=0)
    kept = choose_acts(acts, limits.acts)
    rows = {
        "acts": [make_act_row(act, texts, stacks, start_ns) for act in kept],
        **_make_surroundings(report, limits, texts, stacks),
    }
    held = {"python": stacks.python, "native": stacks.native, "nodes": stacks.nodes, "texts": texts.rows}
    counts = {
        "behaviours": len(acts) - len(kept),
        "stacks": stacks.left_out,
        "imports": len(report.imports) - len(rows["imports"]),
        "DLLs": len(report.dlls) - len(rows["dlls"]),
        "calls": len(report.calls) - len(rows["calls"]),
        "code objects": len(report.code) - len(rows["code"]),
        "places not seen": len(report.not_exercised) - len(rows["unseen"]),
    }
    left_out = {name: count for name, count in counts.items() if count}
    return Content(to_script_json({**rows, **held}), left_out)


def _make_surroundings(report: Report, limits: Limits, texts: Texts, stacks: Stacks) -> dict[str, list[list[object]]]:
    loads = find_loads(report)
    details = report.call_details
    calls = report.calls[: limits.calls]
    unseen: list[list[object]] = [list(row) for row in make_unseen_rows(report, limits.unseen, texts, stacks)]
    return {
        "imports": [make_import_row(row, texts, stacks) for row in report.imports[: limits.imports]],
        "dlls": [make_dll_row(row, loads.get(row.path, []), texts, stacks) for row in report.dlls[: limits.dlls]],
        "calls": [
            make_call_row(row, details[number] if number < len(details) else None, texts, stacks)
            for number, row in enumerate(calls)
        ],
        "code": [make_code_row(row, texts, stacks) for row in report.code[: limits.code]],
        "unseen": unseen,
    }


def to_script_json(value: object) -> str:
    """Give JSON that can stand in a script block of HTML, whatever text is in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
