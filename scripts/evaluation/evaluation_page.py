"""Reads reports of evaluated packages and writes the tables of docs/evaluation.md between their markers."""

import datetime
import os
import platform
import re
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluated_packages import OF_THE_PAPER, Case
from paper_table import TABLE_II

CATEGORIES = {"file": "F", "network": "N", "dll": "D", "os": "O", "builtins": "B"}
_MAKERS = {"collections", "dataclasses", "typing"}
_SANDBOX = "prlimit"  # the outermost program of a sandbox owns what its tools do before there is Python
_COLUMNS = 118
_SHOWN = 6  # places or names in one cell


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What came out for one package."""

    case: Case
    report: dict[str, Any]

    @property
    def row(self) -> dict[str, Any]:
        """Its row of the report's packages. Raises ValueError where it has none."""
        rows: list[dict[str, Any]] = self.report["packages"]
        for row in rows:
            if row["origin"] == "distribution" and _normal(row["name"]) == _normal(self.case.package):
                return row
        raise ValueError(f"{self.case.package} did nothing in its report")

    def behaviours(self) -> list[dict[str, Any]]:
        """Give what the package itself did, each distinct act once."""
        mine = {one["id"]: one for one in self.report["behaviours"] if one["package"] == self.row["name"]}
        return list(mine.values())


def write_page(page: Path, evaluated: list[Evaluated], how: str) -> None:
    """Write every table, and how the packages were evaluated."""
    text = page.read_text(encoding="utf-8")
    for name, content in (
        ("matrix", f"{matrix(evaluated)}\n\n{describe_run(evaluated, how)}"),
        ("paper", beside_the_paper(evaluated)),
        ("violations", f"{violations(evaluated)}\n\n{describe_made_code(evaluated)}"),
        ("beneath", beneath(evaluated)),
        ("silent", silent(evaluated)),
        ("losses", losses(evaluated)),
    ):
        text = replace_part(text, name, content)
    page.write_text(text, encoding="utf-8")


def replace_part(text: str, name: str, content: str) -> str:
    """Replace what stands between two markers. Raises ValueError where there are none."""
    start, end = f"<!-- evaluation: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no markers {start} and {end}")
    return pattern.sub(lambda _: f"{start}\n\n{content}\n\n{end}", text)


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Give a Markdown table."""
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *(list(map(str, row)) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def matrix(evaluated: list[Evaluated]) -> str:
    """Give the matrix in the form of the paper's Table II."""
    columns = ("package", "Python", "policy", *CATEGORIES.values(), "suggestion")
    return table(columns, [_matrix_row(one) for one in evaluated])


def _matrix_row(one: Evaluated) -> list[str]:
    version = one.report["processes"][0]["interpreter"]
    seen = next((each["interpreter"] for each in one.report["processes"] if each["interpreter"]), version)
    name = f"{one.row['name']} {one.row['version']}"
    return [name, seen["version"], one.row["policy"] or "None", *_cells(one), one.row["suggestion"] or "none"]


def _cells(one: Evaluated) -> list[str]:
    found = Counter(each["category"] for each in one.behaviours() if each["verdict"] == "violation")
    return [_cell(one.row["categories"][category], found[category]) for category in CATEGORIES]


def _cell(category: dict[str, Any], count: int) -> str:
    words = {"none": "-", "allowed": "Y", "violation": f"Violation({count})", "unjudged": "?"}[category["status"]]
    beneath_python = category["native"] + category["detached"]
    return words if words == "-" else f"{words} {category['python']}/{beneath_python}"


def beside_the_paper(evaluated: list[Evaluated]) -> str:
    """Give the paper's rows, each followed by ours."""
    found = {one.case.package: one for one in evaluated}
    rows: list[list[str]] = []
    for case in OF_THE_PAPER:
        rows.append(list(TABLE_II[case.package]))
        if one := found.get(case.package):
            name, _, policy, *cells, suggestion = _matrix_row(one)
            rows.append([f"**{name}**", policy, *cells, suggestion])
    return table(("extension", "policy", *CATEGORIES.values(), "suggestion"), rows)


def violations(evaluated: list[Evaluated]) -> str:
    """Give every violation of the packages, those of one name together, with the lines that did it."""
    rows = []
    for one in evaluated:
        places: dict[tuple[str, str, str, str], list[str]] = {}
        for each in one.behaviours():
            if each["verdict"] == "violation":
                key = (CATEGORIES[each["category"]], each["level"], _name(each), _through(each))
                places.setdefault(key, []).append(_place(each["location"]))
        rows += [(one.row["name"], *key, _some(where)) for key, where in sorted(places.items())]
    return table(("package", "category", "level", "act", "through", "where"), rows)


def describe_made_code(evaluated: list[Evaluated]) -> str:
    """Tell how many violations are code that the standard library makes for classes and annotations."""
    broken = [each for one in evaluated for each in one.behaviours() if each["verdict"] == "violation"]
    made = [each for each in broken if each["name"] in ("compile", "exec") and _through(each) in _MAKERS]
    return _fill(
        f"{len(made)} of the {len(broken)} violations are `compile` and `exec` by {', '.join(sorted(_MAKERS))}: "
        "named tuples, data classes and annotations in text are made of text by the standard library."
    )


def beneath(evaluated: list[Evaluated]) -> str:
    """Give what was done that no event of Python told of, by the DLL or program that did it."""
    rows = []
    for one in evaluated:
        acts: dict[tuple[str, str, str], dict[str, str]] = {}
        for each in _beneath(one):
            if not _is_pythons(each["object"]):
                key = (each["package"], _escaped(Path(each["object"]).name), each["level"])
                acts.setdefault(key, {})[each["id"]] = _subject(each)
        rows += [(one.row["name"], *key, len(what), _some(what.values())) for key, what in sorted(acts.items())]
    return table(("evaluated", "owner", "DLL or program", "level", "acts", "what"), rows)


def silent(evaluated: list[Evaluated]) -> str:
    """Give what Python's own extension modules did without an event, and for which packages."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in evaluated:
        for each in _beneath(one):
            if _is_pythons(each["object"]):
                module = Path(each["object"]).name.partition(".")[0]
                found.setdefault((module, f"`{each['name']}`"), set()).add(each["package"])
    rows = [(*key, len(packages), _some(sorted(packages))) for key, packages in sorted(found.items())]
    return table(("module", "call", "packages", "which"), rows)


def _beneath(one: Evaluated) -> list[dict[str, Any]]:
    behaviours: list[dict[str, Any]] = one.report["behaviours"]
    return [
        each
        for each in behaviours
        if each["level"] != "python" and each["object"] and each["package"] not in ("stdlib", "application", _SANDBOX)
    ]


def _is_pythons(path: str) -> bool:
    return "/lib-dynload/" in path


def losses(evaluated: list[Evaluated]) -> str:
    """Give what was not seen."""
    rows = []
    for one in evaluated:
        lost = ", ".join(f"{reason} {count}" for reason, count in sorted(one.report["losses"].items()))
        if lost:
            rows.append((one.row["name"], lost, "yes" if one.report["complete"] else "**no**"))
    return table(("package", "lost", "complete all the same"), rows) if rows else "None."


def describe_run(evaluated: list[Evaluated], how: str) -> str:
    """Tell how many packages were evaluated, how, when and where."""
    suggestions = Counter(one.row["suggestion"] or "none" for one in evaluated)
    told = ", ".join(f"{count} {word}" for word, count in sorted(suggestions.items()))
    now = datetime.datetime.now(datetime.timezone.utc)
    where = f"Linux {platform.release()}, {os.cpu_count()} cores"
    return _fill(f"{len(evaluated)} packages: {told}; {how}. {now:%Y-%m-%d %H:%M} UTC, {where}.")


def _fill(text: str) -> str:
    return textwrap.fill(text, _COLUMNS)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(behaviour: dict[str, Any]) -> str:
    name: str = behaviour["name"]
    return f"`{name}`"


def _subject(behaviour: dict[str, Any]) -> str:
    arguments = behaviour["args"]
    subject = next((arguments[key] for key in ("path", "pathname", "filename", "addr") if arguments.get(key)), None)
    return f"`{behaviour['name']}` of `{_escaped(str(subject))}`" if subject else f"`{behaviour['name']}`"


def _escaped(text: str) -> str:
    kept = "".join(letter if letter.isprintable() and letter not in "`|" else "?" for letter in text)
    return kept if len(kept) <= 60 else f"{kept[:20]}…{kept[-38:]}"  # noqa: PLR2004 - as wide as a cell may be


def _place(location: dict[str, Any] | None) -> str:
    if not location or not location["file"]:
        return "unknown"
    inside = re.sub(r"^.*/(site-packages|lib/python[0-9.]+)/", "", str(location["file"]))
    return f"{_escaped(inside)}:{location['line']}"


def _through(behaviour: dict[str, Any]) -> str:
    """Name the module of the standard library in which the act was made; empty: the package made it itself."""
    stack, location = behaviour["python_stack"], behaviour["location"]
    if not stack or not location or not stack[0]["file"] or stack[0] == location:
        return ""
    path = re.sub(r"^.*/lib/python[0-9.]+/(?!site-packages)|\.py$", "", stack[0]["file"])
    return "" if path.startswith("/") else _escaped(path.removesuffix("/__init__").replace("/", "."))


def _some(texts: Iterable[str]) -> str:
    counted = Counter(texts)
    shown = [text if count == 1 else f"{text} ({count})" for text, count in counted.most_common(_SHOWN)]
    return ", ".join(shown) + (f", {len(counted) - _SHOWN} more" if len(counted) > _SHOWN else "")
