"""How the parts of a line look: places, arguments, counts. Text of the target enters only through `escape`."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from pyxhon.python_functions import is_python_name
from pyxhon.report.escape import escape, escape_path
from pyxhon.report.model import Location
from pyxhon.report.sequence_model import Reaction

FILE_LIMIT: Final = 60
NAME_LIMIT: Final = 60
STOPPED: Final = ("stop", "sent")
_QUOTED: Final = frozenset(' "=,')
# Text that would be taken for a number, a list or null.
_LOOKS_OTHERWISE: Final = re.compile(r"-?[0-9.]+$|[\[{]|(null|true|false)$")


def describe_location(location: Location | None, limit: int | None = None) -> str:
    """Show a place as file:line function, the file by what fits into `limit`; `?` is what could not be read."""
    if location is None:
        return "?"
    function = _describe_function(location)
    line = f":{location.line}"
    room = FILE_LIMIT if limit is None else min(max(limit - len(line) - len(function), 20), FILE_LIMIT)
    return f"{describe_place(location, room)}{function}"


def describe_whole_location(location: Location | None, limit: int) -> str:
    """Show a place with as much of its file's path as fits."""
    if location is None:
        return "?"
    rest = f":{'?' if location.line is None else location.line}{_describe_function(location)}"
    return ("?" if location.file is None else escape_path(location.file, max(limit - len(rest), 20))) + rest


def _describe_function(location: Location) -> str:
    return f" {escape(location.function, NAME_LIMIT)}" if location.function else ""


def describe_place(location: Location | None, file_limit: int = FILE_LIMIT) -> str:
    """Show a place as file:line."""
    if location is None:
        return "?"
    file = "?" if location.file is None else describe_path(location.file, file_limit)
    return f"{file}:{'?' if location.line is None else location.line}"


def describe_path(path: str, limit: int = FILE_LIMIT) -> str:
    """Show a path without the folder where distributions are installed: files are known by what follows."""
    for folder in ("/site-packages/", "/dist-packages/"):
        before, found, rest = path.partition(folder)
        if found and before.startswith("/"):
            return "…/" + escape_path(rest, limit - 2)
    return escape_path(path, limit)


def describe_command(arguments: list[str], limit: int) -> str:
    """Show a command line in at most `limit` characters, of the program only its name."""
    words = [arguments[0].rpartition("/")[2] or arguments[0], *arguments[1:]] if arguments else ["?"]
    shown = " ".join(escape(word, 60) for word in words[:24])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def describe_arguments(arguments: dict[str, object], limit: int) -> str:
    """Show arguments as name=value, all in at most `limit` characters."""
    parts: list[str] = []
    room = limit
    for name, value in arguments.items():
        if name == "self" or (name == "kwargs" and not value):
            continue  # the object at hand, of which only the type is known; keywords of a call that has none
        if room < len("…"):
            break
        part = f"{escape(name, NAME_LIMIT)}={describe_value(value, max(room - len(name) - 1, 16))}"
        parts.append(part)
        room -= len(part) + 1
    shown = " ".join(parts)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def telling_arguments(kind: str, name: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """Give the arguments that are worth their room: an import has all in its name.

    A Python function's parameters are mostly left to their defaults, so None and keywords that were not given are left
    out; `--format json` has them.
    """
    if kind == "import":
        return {}
    if kind == "call" and is_python_name(name):
        return {key: value for key, value in arguments.items() if value is not None and value != {}}
    return dict(arguments)


def describe_value(value: object, limit: int) -> str:
    """Show one value: text as it is, quoted where that is clearer; everything else as JSON."""
    if not isinstance(value, str):
        return escape(json.dumps(_shorten(value), ensure_ascii=False), limit)
    if value.startswith("/") and not _QUOTED.intersection(value[-limit:]):
        return escape_path(value, limit)
    if value and not _QUOTED.intersection(value[:limit]) and not _LOOKS_OTHERWISE.match(value):
        return escape(value, limit)
    return '"' + escape(value, limit - 2).replace('"', '\\"') + '"'


def _shorten(value: object) -> object:
    """Show a dict, given to a function, as one."""
    if isinstance(value, list):
        return [_shorten(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) - {"length"} == {"entries"} and isinstance(value["entries"], dict):
        told = {key: _shorten(each) for key, each in value["entries"].items()}
        return told | ({"…": f"{value['length']} in all"} if "length" in value else {})
    return {key: _shorten(each) for key, each in value.items()}


def describe_pids(pids: Iterable[int], limit: int = 6) -> str:
    """Show process ids, only the first of many."""
    numbers = list(pids)
    shown = ", ".join(map(str, numbers[:limit]))
    more = f" and {len(numbers) - limit} more" if len(numbers) > limit else ""
    return f"pid{'s' if len(numbers) > 1 else ''} {shown}{more}"


def describe_count(count: int) -> str:
    """Show how often something happened."""
    return f"\N{MULTIPLICATION SIGN}{count}"


def count_noun(count: int, noun: str) -> str:
    """Show a number with its noun: 1 violation, 2 violations."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count} {noun if count == 1 else plural}"


def describe_reaction(row: Reaction) -> str:
    """Say on one line what was done to a process and what for."""
    why = f"sequence {escape(row.sequence, 100)}" if row.sequence else f"behaviour {escape(row.behaviour or '?', 20)}"
    word = {"stop": "stopped", "kill": "killed"}.get(row.action, escape(row.action, 20))
    if row.outcome != "sent":
        return f"process {row.pid} was to be {word}: {escape(row.outcome, 120)} ({escape(row.package, 60)}: {why})"
    return f"process {row.pid} was {word} for what {escape(row.package, 60)} did ({why})"


def describe_remedy(row: Reaction) -> str | None:
    """Say how a stopped process goes on; None for one that is not."""
    return f"process {row.pid} goes on with: kill -CONT {row.pid}" if (row.action, row.outcome) == STOPPED else None
