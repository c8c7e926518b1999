"""What surrounds the behaviours, as rows of the page: imports, DLLs, calls, code, what was not seen."""

from typing import Final

from pyxhon.report.describe import describe_arguments
from pyxhon.report.escape import TEXT_LIMIT
from pyxhon.report.html.tables import NONE, Stacks, Texts, show_instruction
from pyxhon.report.model import Call, CallDetail, Callee, CodeObject, Dll, Import, Load, Location, Report
from pyxhon.report.text.dossier import describe_warnings, list_rows

CALL_ARGUMENT_LIMIT: Final = 20
BEHAVIOUR_LIMIT: Final = 20
_BEFORE: Final = "there before the trace"


def make_import_row(row: Import, texts: Texts, stacks: Stacks) -> list[object]:
    """Give one import edge."""
    return [
        texts.of(row.importer),
        texts.of(row.module),
        texts.of(row.package),
        texts.of(row.category),
        int(row.transitive),
        stacks.frame_of(row.location, show_instruction(row.instruction)),
        row.count,
        row.failed,
        texts.keep(", ".join(row.instruction.surroundings) if row.instruction else ""),
    ]


def find_loads(report: Report) -> dict[str, list[Load]]:
    """Give the loads of each DLL."""
    loads: dict[str, list[Load]] = {}
    for load in report.loads:
        loads.setdefault(load.path, []).append(load)
    return loads


def make_dll_row(row: Dll, loads: list[Load], texts: Texts, stacks: Stacks) -> list[object]:
    """Give one DLL with its dossier; of its loads the first whose way is known."""
    load = next((each for each in loads if each.way is not None), None)
    warnings = describe_warnings(row.dossier)
    return [
        texts.of(row.path),
        texts.of(row.sha256),
        texts.of(row.build_id),
        texts.of(row.package),
        texts.of(row.loaded_by),
        texts.of(load.way if load else _BEFORE),
        texts.of(load.loader if load else None),
        stacks.frame_of(row.load_location or (load.location if load else None)),
        len({each.pid for each in loads}),
        [[texts.keep(label.strip()), texts.keep(text)] for label, text in list_rows(row.dossier)],
        [texts.keep(warning) for warning in warnings.split("; ") if warning],
        texts.of(row.dossier.record),
    ]


def make_call_row(row: Call, more: CallDetail | None, texts: Texts, stacks: Stacks) -> list[object]:
    """Give one edge of the call graph."""
    arguments = more.arguments if more else []
    return [
        _make_end(row.caller, texts, stacks),
        _make_end(row.callee, texts, stacks),
        NONE if row.count is None else row.count,
        texts.of(more.kind if more else None),
        NONE if more is None or more.threads is None else more.threads,
        int(more is not None and more.had_run),
        texts.of(more.name if more else None),
        [
            [texts.keep(describe_arguments(each.args, TEXT_LIMIT)), each.line or 0, each.count]
            for each in arguments[:CALL_ARGUMENT_LIMIT]
        ],
        max(len(arguments) - CALL_ARGUMENT_LIMIT, 0),
    ]


def _make_end(end: Callee | None, texts: Texts, stacks: Stacks) -> list[int]:
    if end is None:
        return []
    return [stacks.frame_of(Location(end.file, end.line, end.function)), texts.of(end.package)]


def make_code_row(row: CodeObject, texts: Texts, stacks: Stacks) -> list[object]:
    """Give one code object made at run time, with its instructions."""
    return [
        texts.of(row.hash),
        stacks.frame_of(Location(row.file, row.line, row.name)),
        texts.of(row.package),
        row.count,
        int(row.ran),
        int(row.cut),
        [[texts.of(step.by), stacks.frame_of(step.location), texts.of(step.detail)] for step in row.origin],
        [len(row.behaviours), *(texts.of(each) for each in row.behaviours[:BEHAVIOUR_LIMIT])],
        [texts.of(line) for line in row.disassembly],
    ]


def make_unseen_rows(report: Report, limit: int, texts: Texts, stacks: Stacks) -> list[list[int]]:
    """Give what packages could do and were not seen to do."""
    details = report.not_exercised_details
    rows = []
    for number, row in enumerate(report.not_exercised[:limit]):
        more = details[number] if number < len(details) else None
        named = [texts.of(text) for text in (row.package, row.kind, row.name)]
        category = texts.of(more.category if more else None)
        rows.append([*named, stacks.frame_of(row.location), category, int(more is not None and more.sure)])
    return rows
