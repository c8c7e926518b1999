"""Code made at run time, for people: a line each in the report, one code object whole."""

from collections.abc import Iterable
from typing import Any, Final, TextIO

from rich.console import Console
from rich.text import Text

from pyxhon.report.code_listing import CodeListing, CodePlace
from pyxhon.report.describe import count_noun, describe_arguments, describe_count, describe_location, describe_place
from pyxhon.report.escape import escape
from pyxhon.report.instruction_model import Instruction
from pyxhon.report.model import CodeObject, CodeStep, Location, Report
from pyxhon.report.text.lines import cap, print_heading, print_line, print_more

CODE_LIMIT: Final = 12
_PLACE_LIMIT: Final = 5
_ACT_LIMIT: Final = 40
_HASH_DIGITS: Final = 12
_NAME_LIMIT: Final = 40
_TEXT_LIMIT: Final = 400
_LINE_LIMIT: Final = 240


def print_made_code(console: Console, report: Report) -> None:
    """Print the code objects that were made at run time, but not those that the standard library made for itself."""
    shown = [row for row in report.code if row.package != "stdlib"]
    if not shown:
        return
    print_heading(console, f"Code made at run time ({len(shown)}; --code HASH shows one)")
    for row in sorted(shown, key=lambda row: not row.behaviours)[: cap(console, CODE_LIMIT)]:
        did = (
            f", {count_noun(len(row.behaviours), 'act')}" if row.behaviours else "" if row.ran else ", not seen to run"
        )
        line = Text(f"{row.hash[:_HASH_DIGITS]} {describe_location(Location(row.file, row.line, row.name))}{did}")
        print_line(console, line, indent=2)
        print_line(console, Text(describe_steps(row), style="dim"), indent=4)
    print_more(console, len(shown) - cap(console, CODE_LIMIT), indent=2)


def describe_steps(row: CodeObject) -> str:
    """Show in one line how a code object came to be."""
    return " < ".join(_describe_step(step, 48) for step in row.origin) or "nobody was seen to make it"


def _describe_step(step: CodeStep, limit: int) -> str:
    where = f" at {describe_place(step.location)}" if step.location else ""
    if step.by == "constant of":
        return f"constant of {describe_location(step.location)}"
    return f"{escape(step.by, _NAME_LIMIT)}{where}" + (f" of {escape(step.detail, limit)}" if step.detail else "")


def describe_instruction(instruction: Instruction) -> str:
    """Show the instruction under an act, its columns where they are known, and its code object."""
    argument = "" if instruction.argument is None else f" {escape(instruction.argument, _NAME_LIMIT)}"
    columns = "" if instruction.column is None else f", columns {instruction.column}-{instruction.end_column}"
    code = "" if instruction.code is None else f", code {instruction.code[:_HASH_DIGITS]}"
    return f"{escape(instruction.opcode, _NAME_LIMIT)}{argument}, offset {instruction.offset}{columns}{code}"


def write_code_text(listing: CodeListing, out: TextIO) -> None:
    """Write one code object: what it is, where it comes from, what it did, its instructions."""
    out.writelines(f"{line}\n" for line in _list_lines(listing))


def _list_lines(listing: CodeListing) -> Iterable[str]:
    name = escape(listing.name or "?", _NAME_LIMIT)
    size = count_noun(listing.bytecode_bytes, "byte")
    yield f"{name}, line {listing.line}, CPython {escape(listing.version, 16)}, {size} of bytecode"
    yield f"SHA-256 {listing.hash}"
    for place in listing.places[:_PLACE_LIMIT]:
        yield from _list_origin(place)
    if len(listing.places) > _PLACE_LIMIT:
        yield f"… and at {len(listing.places) - _PLACE_LIMIT} more places (--format json has all)"
    yield from _list_acts(listing)
    counts = listing.argument_count, listing.positional_only_count, listing.keyword_only_count
    yield "arguments: {} (positional only {}), keyword only {}; flags {:#x}; stack {}".format(
        *counts, listing.flags, listing.stack_size
    )
    yield from _list_names(listing)
    yield "instructions: line, offset, opcode, argument"
    yield from (escape(line, _LINE_LIMIT) for line in listing.disassembly)
    if listing.exceptions:
        yield "exception table"
        yield from (f"  {line}" for line in listing.exceptions)
    if listing.unresolved:
        yield f"{count_noun(listing.unresolved, 'instruction')} under instrumentation could not be put back"
    if listing.missing:
        yield f"{count_noun(listing.missing, 'part')} could not be read: the memory was gone"


def _list_acts(listing: CodeListing) -> Iterable[str]:
    yield f"acts: {len(listing.acts) or 'none'}"
    for act in listing.acts[:_ACT_LIMIT]:
        where = describe_location(act.location)
        yield f"  {describe_count(act.count)} {escape(act.name, 60)} {describe_arguments(act.args, 100)} at {where}"
    if len(listing.acts) > _ACT_LIMIT:
        yield f"  … and {len(listing.acts) - _ACT_LIMIT} more (--format json has all)"


def _list_names(listing: CodeListing) -> Iterable[str]:
    for label, items in (
        ("names", listing.names), ("variables", listing.variables), ("cells", listing.cells), ("free", listing.free),
    ):  # fmt: skip
        if items:
            yield f"{label}: {_join_names(items)}"
    for index, constant in enumerate(listing.constants):
        text = constant.get("text") if isinstance(constant, dict) else None
        yield f"constant {index}: {escape(str(text), _LINE_LIMIT) if text is not None else '? (not readable)'}"


def _list_origin(place: CodePlace) -> Iterable[str]:
    file = "?" if place.file is None else escape(place.file, _TEXT_LIMIT)
    yield f"in process {place.pid}, file name {file}"
    if not place.origin:
        yield "  nobody was seen to make it: loaded from a file, or made before the trace began"
    for step in place.origin:
        yield f"  {_describe_step(step, _TEXT_LIMIT)}"


def _join_names(items: list[Any]) -> str:
    return ", ".join("?" if item is None else escape(str(item), _NAME_LIMIT) for item in items[:200])
