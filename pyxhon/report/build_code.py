"""Code objects made at run time, with their origin, what they did, and their instructions."""

from collections.abc import Iterable, Sequence
from typing import Final

from pyxhon.cpython.disassembly import Disassembly, read_exceptions
from pyxhon.errors import TraceError
from pyxhon.join.code_origins import Origin, Origins
from pyxhon.policy.judge import Judged
from pyxhon.report.build_instructions import disassemble
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.code_listing import SCHEMA, CodeAct, CodeListing, CodePlace
from pyxhon.report.model import CodeObject, CodeStep, Location
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import CodeContentRow

_MOST_OBJECTS: Final = 500
_MOST_LINES: Final = 400  # of instructions, of one in the report; --code shows all
_MOST_ACTS: Final = 1000


def build_codes(reader: TraceReader, judged: Iterable[Judged]) -> list[CodeObject]:
    """Give the code objects that were made at run time, in the order they were met."""
    origins = Origins(reader)
    hashes = reader.code_hashes()
    made: dict[str, list[tuple[int, Origin]]] = {}
    for code in origins.codes:
        origin = origins.find(code)
        if not origin.is_loaded:
            made.setdefault(hashes[code], []).append((code, origin))
    if not made:
        return []
    acts = find_acts(reader, judged, {code for rows in made.values() for code, _ in rows})
    found = []
    for digest, rows in list(made.items())[:_MOST_OBJECTS]:
        content = reader.code_content(digest)
        if content is not None:
            behaviours = list(dict.fromkeys(act for code, _ in rows for act in acts.get(code, ())))
            found.append(_build(reader, origins, content, rows, behaviours))
    return found


def _build(
    reader: TraceReader, origins: Origins, content: CodeContentRow, rows: Sequence[tuple[int, Origin]], acts: list[str]
) -> CodeObject:
    code, origin = next((one for one in rows if origins.has_run(one[0])), rows[0])
    row = origins.codes[code]
    lines = list_instructions(disassemble(content), content)
    return CodeObject(
        hash=content.hash,
        file=row.file,
        name=row.qualified_name,
        line=row.first_line,
        package=_maker(reader, row.process, origin),
        origin=build_steps(origin),
        behaviours=acts[:_MOST_ACTS],
        count=len(rows),
        ran=any(origins.has_run(each) for each, _ in rows),
        cut=content.bytecode_bytes > len(content.bytecode) or len(lines) > _MOST_LINES,
        disassembly=lines[:_MOST_LINES],
    )


def _maker(reader: TraceReader, process: int, origin: Origin) -> str | None:
    """Tell whose the file is that a chain of origin leads back to."""
    roots = {row.id: row.root for row in reader.processes() if row.id == process}
    files = reader.files()
    for step in reversed(origin.steps):
        file = step.location.file if step.location else None
        found = files.get((roots.get(process, 0), file)) if file else None
        if found is not None and found.origin != "unknown":
            return found.package
    return None


def build_steps(origin: Origin) -> list[CodeStep]:
    """Give a chain of origin as the report shows it."""
    return [
        CodeStep(
            step.by,
            None if step.location is None else Location(step.location.file, step.location.line, step.location.function),
            step.detail,
        )
        for step in origin.steps
    ]


def find_acts(reader: TraceReader, judged: Iterable[Judged], codes: set[int]) -> dict[int, list[str]]:
    """Give the ids of the behaviours that have one of these code objects in their stack, by code object."""
    stacks = reader.event_stacks()
    acts: dict[int, list[str]] = {}
    for each in judged:
        stack = stacks.get(each.behaviour.event)
        for code in {row.code for row in reader.stack(stack)} & codes if stack is not None else ():
            if code is not None:
                acts.setdefault(code, []).append(each.behaviour.id)
    return acts


def list_instructions(disassembly: Disassembly, content: CodeContentRow) -> list[str]:
    """Give the instructions as lines: the line of source where it changes, offset, opcode, argument."""
    if not disassembly.is_known:
        return [f"(opcodes of CPython {content.version} are not known)"]
    lines: list[str] = []
    last: int | None = None
    for each in disassembly.all():
        line = "" if each.line == last or each.line is None else str(each.line)
        last = each.line
        lines.append(f"{line:>6} {each.offset:>6} {each.name:<28} {each.argument or ''}".rstrip())
    if content.bytecode_bytes > len(content.bytecode):
        lines.append(f"(cut: {content.bytecode_bytes} bytes in all)")
    return lines


def build_listing(reader: TraceReader, judged: Iterable[Judged], prefix: str, version: str) -> CodeListing:
    """Give all of one code object, by the beginning of its hash. Raises TraceError where that is not of one."""
    content = _find_content(reader, prefix)
    judged = list(judged)
    origins = Origins(reader)
    codes = [code for code, digest in reader.code_hashes().items() if digest == content.hash]
    pids = {row.id: row.pid for row in reader.processes()}
    acts = find_acts(reader, judged, set(codes))
    wanted = {act for rows in acts.values() for act in rows}
    lines = list_instructions(disassemble(content), content)
    shared = {name: getattr(content, name) for name in (
        "hash", "version", "name", "argument_count", "positional_only_count", "keyword_only_count", "flags",
        "stack_size", "names", "variables", "cells", "free", "constants", "bytecode_bytes", "unresolved", "missing",
    )}  # fmt: skip
    return CodeListing(
        schema=SCHEMA,
        pyxhon=version,
        line=content.first_line,
        places=[_build_place(origins, pids, code) for code in codes],
        acts=[_build_act(each) for each in judged if each.behaviour.id in wanted],
        bytecode=content.bytecode.hex(),
        line_table=content.line_table.hex(),
        exception_table=content.exception_table.hex(),
        exceptions=[
            f"{one.start} to {one.end} -> {one.target} depth {one.depth}{' lasti' if one.keeps_instruction else ''}"
            for one in read_exceptions(content.exception_table)
        ],
        disassembly=lines,
        **shared,
    )


def _find_content(reader: TraceReader, prefix: str) -> CodeContentRow:
    wanted = prefix.lower()
    found = sorted({digest for digest in reader.code_hashes().values() if digest.startswith(wanted)})
    if len(found) != 1 or not wanted:
        what = f"{len(found)} code objects begin with" if found else "no code object has"
        message = f"{what} the hash {prefix[:64]!r}"
        raise TraceError(message, "--format json lists them under `code`, the trace in table code_content")
    content = reader.code_content(found[0])
    if content is None:
        message = f"the trace lacks the code object {found[0]}"
        raise TraceError(message, "record it again")
    return content


def _build_place(origins: Origins, pids: dict[int, int], code: int) -> CodePlace:
    row, origin = origins.codes[code], origins.find(code)
    return CodePlace(pids.get(row.process, 0), row.file, row.qualified_name, origin.is_loaded, build_steps(origin))


def _build_act(each: Judged) -> CodeAct:
    row = each.behaviour
    return CodeAct(row.id, row.name, dict(row.arguments), row.count, build_location(row.location))
