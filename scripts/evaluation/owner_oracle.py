"""Whom an audit hook inside the process holds answerable, to be held against whom the report does.

The innermost frame that is not the standard library's, and the distribution that says in its RECORD that the file is
its own. What the import system does for an import is left out: it is part of the import.
"""

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyxhon.categories import CategoryTables

_STANDARD = re.compile(r"<.*>|.*/lib/python3\.\d+/(?!(?:site|dist)-packages/).*")
_WITHOUT_FILE = re.compile(r"<(?!frozen ).*>")
_IMPORTING = re.compile(r"<frozen (?:importlib|zipimport)|.*/importlib/(?:_bootstrap|__init__)")


@dataclass(frozen=True, slots=True, order=True)
class Owned:
    """An audit event of a package: the package and the line that it is owed to."""

    package: str
    event: str
    file: str
    line: int


def known_events(tables: CategoryTables) -> frozenset[str]:
    """Give the events that are acts whatever their arguments are, but for files that are descriptors."""
    return frozenset(name for name, entry in tables.audit_events.items() if entry.category and not entry.only)


def owned_by_hook(log: Path, events: Iterable[str], site_packages: Path) -> tuple[set[Owned], set[Owned]]:
    """Give the events of these names that `tests/programs/audit_log` wrote down.

    The second set are those raised while an extension module is initialised: it has no frame, so that the hook can only
    tell who imported. The report knows the module.
    """
    wanted, owners = set(events), read_records(site_packages)
    found: tuple[set[Owned], set[Owned]] = (set(), set())
    for text in log.read_text(encoding="ascii").splitlines():
        _, _, _, event, arguments, stack = json.loads(text)
        is_descriptor = event == "open" and arguments[0].isdecimal()  # its file was opened by who made that
        if event not in wanted or is_descriptor:
            continue
        start = next((number for number, frame in enumerate(stack) if _is_someones(frame)), len(stack))
        importing = next((number for number, frame in enumerate(stack) if _IMPORTING.match(frame[0])), len(stack))
        if start == len(stack) and importing == len(stack) and (place := _place_of_command(stack)):
            found[0].add(Owned("application", event, *place))
        if start == len(stack) or (importing < start and importing and stack[importing - 1][1] == "<module>"):
            continue
        file, _, line = stack[start]
        found[importing < start].add(Owned(owners.get(file, "application"), event, file, line))
    return found


def _place_of_command(stack: list[tuple[str, str, int]]) -> tuple[str, int] | None:
    """Give the innermost line of a command line (`python -c`), which is the application's; None: it is none."""
    made = [frame for frame in stack if _WITHOUT_FILE.fullmatch(frame[0])]
    is_command = bool(made) and made[-1] == stack[-1] and stack[-1][1] == "<module>"
    return (made[0][0], made[0][2]) if is_command else None


def hooked_processes(log: Path) -> set[int]:
    """Give the processes that had the hook: interpreters started with -I or -S, say, have none."""
    return {json.loads(text)[1] for text in log.read_text(encoding="ascii").splitlines()}


def _is_someones(frame: tuple[str, str, int]) -> bool:
    return not _STANDARD.fullmatch(frame[0])


def owned_by_report(report: dict[str, Any], events: Iterable[str]) -> set[Owned]:
    """Give the audit events of these names that a report knows as a package's own at Python level."""
    wanted = set(events)
    return {
        Owned(each["package"], each["name"], each["location"]["file"], each["location"]["line"])
        for each in report["behaviours"]
        if each["kind"] == "audit" and each["name"] in wanted and each["level"] == "python"
        if each["location"] and each["package"] != "stdlib"
    }


def read_records(site_packages: Path) -> dict[str, str]:
    """Give the distribution of each installed file, as the distributions say."""
    owners: dict[str, str] = {}
    for record in sorted(site_packages.glob("*.dist-info/RECORD")):
        metadata = (record.parent / "METADATA").read_text(encoding="utf-8")
        name = next(line[6:] for line in metadata.splitlines() if line.startswith("Name: "))
        with record.open(encoding="utf-8", newline="") as rows:
            owners |= {str(site_packages / row[0]): name for row in csv.reader(rows) if row}
    return owners
