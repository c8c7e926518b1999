"""Writes the tables of docs/native-accuracy.md between their markers."""

import datetime
import os
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_page(page: Path, python: Path, measured: list[dict[str, Any]]) -> None:
    """Write everything that was measured."""
    text = page.read_text(encoding="utf-8")
    for name, content in (
        ("packages", f"{packages_table(measured)}\n\n{describe_run(python)}"),
        ("differences", differences_list(measured)),
        ("native", native_table(measured)),
    ):
        text = replace_part(text, name, content)
    page.write_text(text, encoding="utf-8")


def replace_part(text: str, name: str, content: str) -> str:
    """Replace what stands between two markers. Raises ValueError where there are none."""
    start, end = f"<!-- accuracy: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no markers {start} and {end}")
    return pattern.sub(lambda _: f"{start}\n\n{content}\n\n{end}", text)


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Give a Markdown table."""
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *(list(map(str, row)) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def packages_table(measured: list[dict[str, Any]]) -> str:
    """Give one row per package, and one for all."""
    columns = [
        "package", "calls seen by strace", "missed", "missed when counted", "other path or address", "other result",
        "same object", "same list of objects", "different: strace's fault", "different: ours",
        "frames compared", "stacks with another frame",
    ]  # fmt: skip
    rows = [_package_row(one["package"], [one]) for one in measured]
    return table(columns, [*rows, _package_row("all", measured)])


def _package_row(name: str, measured: list[dict[str, Any]]) -> list[object]:
    total: Counter[str] = Counter()
    for one in measured:
        total.update({key: value for key, value in one.items() if isinstance(value, int)})
    compared = total["same"] + total["different"]
    return [
        name, total["events"], total["missed"], total["missed_when_counted"], total["respelled"],
        total["other_results"], _share(total["same"], compared), _share(total["same_objects"], compared),
        total["different"] - total["ours"], total["ours"], total["frames"], total["other_frames"],
    ]  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else "0"


def differences_list(measured: list[dict[str, Any]]) -> str:
    """Give every difference in the responsible object, those that are alike together."""
    found: Counter[tuple[str, ...]] = Counter()
    for one in measured:
        for entry in one["differences"]:
            found[one["package"], entry["reason"], entry["call"], entry["theirs"], entry["ours"]] += 1
    rows = [(package, count, *map(_cell, rest)) for (package, *rest), count in sorted(found.items())]
    return table(("package", "times", "reason", "call", "strace", "PyXhon"), rows) if rows else "None."


def native_table(measured: list[dict[str, Any]]) -> str:
    """Give the native behaviours of each package, those that are alike together."""
    found: Counter[tuple[str, ...]] = Counter()
    for one in measured:
        for entry in one["invisible"]:
            key = (one["package"], entry["object"] or "the interpreter", entry["call"], entry["explained_by"] or "none")
            found[key] += 1
    rows = [(program, *map(_cell, rest), count) for (program, *rest), count in sorted(found.items())]
    head = ("program", "object", "call", "audit event that tells of it", "behaviours")
    return table(head, rows) if rows else "None."


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    text = re.sub(r"^.*/(site-packages|lib-dynload)/", "", text)
    return f"`{text}`" if "/" in text or ":" in text else text


def describe_run(python: Path) -> str:
    """Give one line about the machine, the interpreter and the moment."""
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    strace = subprocess.run(["strace", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        f"{now:%Y-%m-%d %H:%M} UTC, Linux {platform.release()}, {os.cpu_count()} cores, {version} "
        f"({python.resolve()}), {strace}."
    )
