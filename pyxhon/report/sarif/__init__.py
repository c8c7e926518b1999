"""The report as SARIF 2.1.0 (OASIS), for code scanning: violations, and what nobody judged beneath Python."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, TextIO

from pyxhon.report.as_json import encode
from pyxhon.report.digest import Act, gather_acts, is_start_up
from pyxhon.report.model import Report
from pyxhon.report.sarif.places import SOURCE_ROOT, Places
from pyxhon.report.sarif.results import ResultBuilder
from pyxhon.report.sarif.rules import find_taxa, list_rules
from pyxhon.report.sarif.run import build_invocation

__all__ = ["RESULT_LIMIT", "write_sarif"]

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RESULT_LIMIT: Final = 5_000
"""More than these code scanning does not show; those of the violations come first."""
_POLICY: Final = "policy"


def write_sarif(report: Report, out: TextIO, root: Path) -> None:
    """Write one SARIF log; files below `root` are told relative to it.

    Results are written one by one: of many behaviours the whole log takes several times its size in memory.
    """
    acts = _choose(report)
    places = Places(root)
    taxa = find_taxa(acts)
    head: dict[str, object] = {
        "tool": {"driver": _build_driver(report)},
        "invocations": [build_invocation(report, len(acts) - RESULT_LIMIT)],
        "originalUriBaseIds": {SOURCE_ROOT: {"uri": places.root_uri}},
        "columnKind": "unicodeCodePoints",
        "properties": _count(report),
    }
    if taxa:
        rules = [{"id": name} for name in taxa]
        head["taxonomies"] = [{"name": _POLICY, "isComprehensive": False, "taxa": rules}]
    out.write(f'{{"$schema": {encode(SCHEMA)},\n"version": "2.1.0",\n"runs": [{{\n')
    out.writelines(f"{encode(name)}: {encode(value)},\n" for name, value in head.items())
    out.write('"results": [')
    builder = ResultBuilder(report, places, taxa)
    out.writelines(_separate(encode(builder.build(act)) for act in acts[:RESULT_LIMIT]))
    out.write("]}]}\n")


def _separate(rows: Iterable[str]) -> Iterable[str]:
    return ((",\n" if number else "\n") + row for number, row in enumerate(rows))


def _choose(report: Report) -> list[Act]:
    """Give what is worth a result: violations first, then what was done beneath Python and no rule decides."""
    acts = gather_acts(report)
    violations = [act for act in acts if act.behaviour.verdict == "violation"]
    beneath = [
        act
        for act in acts
        if act.behaviour.verdict == "unjudged" and act.behaviour.level != "python" and not is_start_up(act)
    ]
    # Those by a DLL of somebody's before those of the interpreter and its C library.
    return violations + sorted(beneath, key=lambda act: act.behaviour.object is None)


def _build_driver(report: Report) -> dict[str, object]:
    return {
        "name": "PyXhon",
        "version": report.pyxhon,
        "semanticVersion": report.pyxhon,
        "shortDescription": {"text": "Tells what a running Python program really does, package by package."},
        "rules": list_rules(),
    }


def _count(report: Report) -> dict[str, object]:
    verdicts = dict.fromkeys(("allowed", "violation", "unjudged"), 0)
    for row in report.behaviours:
        verdicts[row.verdict] += 1
    return {
        "host": report.host,
        "behaviours": verdicts,
        "complete": report.complete,
        "losses": report.losses,
        "packages": [
            {"name": row.name, "version": row.version, "policy": row.policy, "suggestion": row.suggestion}
            for row in report.packages
            if row.suggestion
        ],
    }
