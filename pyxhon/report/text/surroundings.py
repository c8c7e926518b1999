"""What surrounds the behaviours: imports, DLLs, what was there before, coverage and losses."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from rich.console import Console
from rich.text import Text

from pyxhon.categories import CATEGORIES
from pyxhon.packages import CHANGED
from pyxhon.report.describe import (
    count_noun,
    describe_command,
    describe_path,
    describe_pids,
    describe_place,
)
from pyxhon.report.escape import escape, escape_path
from pyxhon.report.model import Coverage, Dll, Import, Interpreter, Load, Process, Report, Snapshot
from pyxhon.report.text.dossier import describe_facts, describe_warnings
from pyxhon.report.text.lines import cap, print_heading, print_line, print_more

IMPORTER_LIMIT: Final = 30
NAME_LIMIT: Final = 12
DLL_LIMIT: Final = 20
PROCESS_LIMIT: Final = 20
LOSS_LIMIT: Final = 30
FEW_LIMIT: Final = 8
_WAYS: Final = {
    "import": "(import)",
    "ctypes": "(ctypes)",
    "dlopen": "(dlopen)",
    "dlmopen": "(dlmopen)",
    "needed": "with",
    "by_hand": "mapped by hand",
    "preload": "preloaded",
    "start": "as the program started",
}
_ODD_WAYS: Final = frozenset({"dlmopen", "by_hand", "preload"})
_SYSTEM_FOLDERS: Final = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/bin/", "[")


def print_imports(console: Console, report: Report) -> None:
    """Print what each importer imported, by category; where, stands with the behaviours."""
    if not report.imports:
        return
    direct = [row for row in report.imports if not row.transitive]
    transitive = len(report.imports) - len(direct)
    print_heading(console, f"Imports ({len(direct)}, and {transitive} by the standard library)")
    importers: dict[str, list[Import]] = {}
    for row in direct:
        importers.setdefault(row.importer, []).append(row)
    limit, names = cap(console, IMPORTER_LIMIT), cap(console, NAME_LIMIT)
    for importer, rows in list(importers.items())[:limit]:
        print_line(console, _show_imports(importer, rows, names), indent=2)
    print_more(console, sum(map(len, list(importers.values())[limit:])), indent=2)


def _show_imports(importer: str, rows: list[Import], limit: int) -> Text:
    line = Text(escape(importer, 40), style="bold")
    modules: dict[str | None, dict[str, None]] = {category: {} for category in (*CATEGORIES, None)}
    for row in rows:
        modules[row.category][row.module] = None
    for category, names in modules.items():
        if names:
            line.append(f"{':' if line.plain == escape(importer, 40) else ';'} ", style="")
            line.append(category or "no category", style="bold" if category else "dim")
            line.append(f" {_list_names(names, limit)}", style="" if category else "dim")
    return line


def _list_names(names: Iterable[str], limit: int) -> str:
    known = list(names)
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    return ", ".join(escape(name, 48) for name in known[:limit]) + more


def print_dlls(console: Console, report: Report) -> None:
    """Print the files mapped executable, those loaded during the trace first."""
    if not report.dlls:
        return
    loaded = [row for row in report.dlls if row.loaded_by is not None]
    before = len(report.dlls) - len(loaded)
    print_heading(console, f"DLLs ({len(loaded)} loaded, {before} there before or mapped unseen)")
    interpreters = {row.interpreter.path for row in report.processes if row.interpreter is not None}
    told = {row.path for row in report.dlls if row.package != "stdlib" and row.path not in interpreters}
    told -= {row.path for row in report.dlls if row.package is None and row.path.startswith(_SYSTEM_FOLDERS)}
    rows = sorted(
        report.dlls, key=lambda row: (row.path not in told, row.loaded_by is None, row.package is None, row.path)
    )
    ways = {load.path: load for load in reversed(report.loads) if load.way is not None}
    for row in rows[: cap(console, DLL_LIMIT)]:
        print_line(console, _show_dll(row, ways.get(row.path)), indent=2)
        _print_dossier(console, row, is_of_system=row.path not in told)
    print_more(console, len(rows) - cap(console, DLL_LIMIT), indent=2)


def _print_dossier(console: Console, dll: Dll, *, is_of_system: bool) -> None:
    """Print what a third party's file says of itself; the system's own are told by their names."""
    facts = "" if is_of_system else describe_facts(dll.dossier)
    warnings = "" if is_of_system and dll.dossier.record != CHANGED else describe_warnings(dll.dossier)
    for text, style in ((facts, "dim"), (warnings, "yellow")):
        if text:
            print_line(console, Text(text, style=style), indent=4)


def _show_dll(dll: Dll, load: Load | None) -> Text:
    line = Text(describe_path(dll.path))
    if dll.package and dll.package == dll.loaded_by:
        line.append(f" of {escape(dll.package, 30)}, loaded by it")
    elif dll.package:
        line.append(f" of {escape(dll.package, 30)}")
    if dll.loaded_by is not None and dll.loaded_by != dll.package:
        line.append(f" loaded by {escape(dll.loaded_by, 30)}")
    if load is not None:
        line.append(f" {_WAYS.get(load.way or '', '')}", style="yellow" if load.way in _ODD_WAYS else "")
        if load.way == "needed" and load.loader:
            line.append(f" {describe_path(load.loader, 50)}")
    if dll.load_location is not None:
        line.append(f" at {describe_place(dll.load_location)}", style="dim")
    return line


def print_snapshots(console: Console, report: Report) -> None:
    """Print what each process already held when tracing began."""
    snapshots = [row for row in report.snapshots if row.modules or row.open_files or row.audit_hooks]
    if not snapshots:
        return
    print_heading(console, "There before the trace")
    for row in snapshots[: cap(console, PROCESS_LIMIT)]:
        print_line(console, Text(_describe_snapshot(row)), indent=2)
        sockets = [file for file in row.open_files if file.kind == "socket"]
        for socket in sockets[: cap(console, FEW_LIMIT)]:
            print_line(console, Text(escape(socket.description, 90), style="dim"), indent=4)
        print_more(console, len(sockets) - cap(console, FEW_LIMIT), indent=4)
        for hook in row.audit_hooks[: cap(console, FEW_LIMIT)]:
            print_line(console, Text(f"audit hook {escape(hook, 80)}", style="yellow"), indent=4)
        print_more(console, len(row.audit_hooks) - cap(console, FEW_LIMIT), indent=4)
    print_more(console, len(snapshots) - cap(console, PROCESS_LIMIT), indent=2)


def _describe_snapshot(snapshot: Snapshot) -> str:
    extensions = sum(module.extension for module in snapshot.modules)
    return (
        f"pid {snapshot.pid}: {count_noun(len(snapshot.modules), 'module')} ({extensions} in DLLs), "
        f"{count_noun(len(snapshot.threads), 'thread')}, "
        f"{count_noun(len(snapshot.open_files), 'open file')}, "
        f"{count_noun(len(snapshot.audit_hooks), 'audit hook')}"
    )


def print_coverage(console: Console, report: Report) -> None:
    """Print the processes, and for each kind of interpreter which source fed which signal."""
    print_heading(console, f"Coverage ({count_noun(len(report.processes), 'process image')})")
    host = f"{escape(report.host.hostname, 40)}, Linux {escape(report.host.kernel, 40)} {escape(report.host.arch, 20)}"
    print_line(console, Text(f"{host}, from {report.started} to {report.ended}"), indent=2)
    commands: dict[tuple[str, ...], list[Process]] = {}
    for row in report.processes:
        commands.setdefault(tuple(row.argv) or (row.exe or "?",), []).append(row)
    limit = cap(console, PROCESS_LIMIT)
    for command, rows in list(commands.items())[:limit]:
        print_line(console, Text(f"{describe_command(list(command), 300)}: {_describe_processes(rows)}"), indent=2)
    print_more(console, sum(map(len, list(commands.values())[limit:])), indent=2)
    groups: dict[tuple[Interpreter | None, Coverage], list[int]] = {}
    for row in report.processes:
        groups.setdefault((row.interpreter, row.coverage), []).append(row.pid)
    for (interpreter, coverage), pids in list(groups.items())[:limit]:
        title = f"{_describe_interpreter(interpreter)}, {describe_pids(dict.fromkeys(pids))}"
        print_line(console, Text(title, style="bold"), indent=2)
        for field in fields(coverage):
            source = str(getattr(coverage, field.name))
            style = "yellow" if source.startswith("unavailable") else "dim"
            line = Text(f"{field.name:<9} {escape(source, 240)}", style=style)
            print_line(console, line, indent=4)
    print_more(console, len(groups) - limit, indent=2)


def _describe_processes(rows: list[Process]) -> str:
    ended = Counter(row.exit_code for row in rows if row.exit_code is not None)
    exits = "".join(f", {count} ended with {code}" for code, count in sorted(ended.items())[:4])
    return f"{describe_pids(dict.fromkeys(row.pid for row in rows))}{exits}"


def _describe_interpreter(interpreter: Interpreter | None) -> str:
    if interpreter is None:
        return "not Python"
    kind = escape(interpreter.linkage, 24) + (", stripped" if interpreter.stripped else "")
    return f"CPython {escape(interpreter.version, 24)} {escape_path(interpreter.path, 50)} ({kind})"


def print_losses(console: Console, report: Report) -> None:
    """Print what was lost, or that nothing was."""
    print_heading(console, "Losses")
    if not report.losses:
        print_line(console, Text("none", style="green"), indent=2)
    for name, count in list(report.losses.items())[: cap(console, LOSS_LIMIT)]:
        print_line(console, Text(f"{escape(name, 60)}: {count}", style="yellow"), indent=2)
    print_more(console, len(report.losses) - cap(console, LOSS_LIMIT), indent=2)
    if not report.complete:
        line = "Incomplete: what was lost could hide a violation; this is no clean bill."
        print_line(console, Text(line, style="bold yellow"), indent=2)
    _print_counters(console, report)


def _print_counters(console: Console, report: Report) -> None:
    for row in report.counters:
        if row.seen:
            line = f"{row.seen} seen = {row.stored} stored + {row.repeated} repeated + {row.lost} lost"
            print_line(console, Text(f"{escape(row.signal, 40)}: {line}", style="dim"), indent=2)
