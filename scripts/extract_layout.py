#!/usr/bin/env python3
"""Write pyxhon/cpython/layouts/*.yaml from debug information; nothing there is ever written by hand.

    scripts/extract_layout.py LIBPYTHON            its debug information, or that of its -dbgsym package
    scripts/extract_layout.py INCLUDE_DIRECTORY    a C file compiled against its internal headers (3.11+)

Opcode numbers (3.11+) are those of the headers: in INCLUDE_DIRECTORY, or in include/ beside the interpreter's folder.

Prints the data file; --write puts it into its place, --check compares it with the one there. Some members moved in
a patch release: with --since 12 --moved MEMBER, --write adds to the file there that they are as extracted from patch
release 12 on (CPython's changelog tells which one it was). Without a file there, they are not known for older ones.
"""

import argparse
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

from pyxhon.cpython import opcodes
from pyxhon.cpython.layout import DEBUG_NAMES, MEMBERS, parse_layout

LAYOUTS = Path(__file__).resolve().parent.parent / "pyxhon" / "cpython" / "layouts"

# CPython's source files that between them complete every struct that Layout names. To read only these takes seconds.
UNITS = {
    "ceval.c",
    "codeobject.c",
    "dictobject.c",
    "frameobject.c",
    "funcobject.c",
    "moduleobject.c",
    "pystate.c",
    "sysmodule.c",
    "typeobject.c",
    "unicodeobject.c",
    "probe.c",
}

# A struct has one name in the member paths of Layout, but not one in all versions of CPython.
ALIASES = {
    "PyThreadState": ["_ts"],
    "PyInterpreterState": ["_is"],
    "PyFrameObject": ["_frame"],
    "PyObject": ["_object"],
    "PyTypeObject": ["_typeobject"],
    "PyLongObject": ["_longobject"],
    "PyDictKeysObject": ["_dictkeysobject"],
    "PyDictValues": ["_dictvalues"],
    "_PyRuntimeState": ["pyruntimestate"],
    "_PyCFrame": [],
}
DEBUG_STRUCT = "_Py_DebugOffsets"

HEADERS = [
    "pycore_runtime",
    "pycore_interp",
    "pycore_pystate",
    "pycore_frame",
    "pycore_interpframe",
    "pycore_interpframe_structs",
    "pycore_runtime_structs",
    "pycore_interp_structs",
    "pycore_debug_offsets",
    "pycore_dict",
    "pycore_moduleobject",
    "pycore_unicodeobject",
    "pycore_audit",
    "pycore_sysmodule",
    "pycore_code",
    "pycore_instruments",
    "pycore_long",
    "pycore_optimizer",
]


# Where opcode numbers are defined, and what else is defined there.
OPCODE_HEADERS = ("opcode_ids.h", "opcode.h")
NO_OPCODE = re.compile(r"NB_.*|MIN_.*|HAVE_ARGUMENT|ENABLE_SPECIALIZATION.*")


@dataclass
class Facts:
    """What debug information says of the structs and enumerators that Layout names, and headers of opcodes."""

    opcodes: dict[str, int] = field(default_factory=dict)
    structs: dict[str, DIE] = field(default_factory=dict)
    enumerators: dict[str, int] = field(default_factory=dict)
    version: str = ""
    producer: str = ""


def main() -> int:
    """Extract, then print, write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="libpython or a python executable with DWARF, or include/python3.X")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the data file")
    action.add_argument("--check", action="store_true", help="exit 1 when the data file says anything else")
    parser.add_argument("--since", type=int, metavar="PATCH", help="with --write: since when --moved is as extracted")
    parser.add_argument("--moved", action="append", default=[], metavar="MEMBER", help="a member that moved")
    options = parser.parse_args()
    text = extract(options.source)
    path = LAYOUTS / f"{parse_version(text)}-x86_64.yaml"
    if options.write:
        before = path.read_text(encoding="utf-8") if path.exists() else None
        path.write_text(add_patch(before, text, options.since, options.moved) if options.since else text, "utf-8")
        return 0
    if options.check:
        differences = list_differences(path, text)
        print("\n".join(differences), end="\n" if differences else "")
        return 1 if differences else 0
    sys.stdout.write(text)
    return 0


def add_patch(before: str | None, text: str, since: int, moved: list[str]) -> str:
    """Give `before` with the moved members as in `text` from patch release `since` on."""
    values = parse_members(text)
    release = text.splitlines()[0].removeprefix("# CPython ").split(",")[0]
    patch = ", ".join(f"{member}: {values[member]}" for member in moved)
    if before is None:
        before = "".join(
            re.sub(r": \d+$", ": null", line, flags=re.MULTILINE) if line.strip().split(": ")[0] in moved else line
            for line in text.splitlines(keepends=True)
        )
    return f"{before}patches: # extracted from {release}\n  {since}: {{{patch}}}\n"


def list_differences(path: Path, text: str) -> list[str]:
    """Tell each value in which the data file, as it is for the patch release extracted, differs from `text`."""
    patch = int(text.splitlines()[0].removeprefix("# CPython ").split(",")[0].split(".")[2])
    before = asdict(parse_layout(path.read_text(encoding="utf-8"), patch))
    after = asdict(parse_layout(text))
    return [
        f"{path.name}: {name}: {before[name]} in the file, {after[name]} extracted"
        for name in before
        if before[name] != after[name]
    ]


def parse_members(text: str) -> dict[str, str]:
    """Give the members of a data file with their values."""
    return dict(line.strip().split(": ", 1) for line in text.splitlines() if line.startswith("  "))


def parse_version(text: str) -> str:
    """Give the minor version that a data file is for."""
    major, minor = parse_layout(text).version
    return f"{major}.{minor}"


def extract(source: Path) -> str:
    """Give the text of the data file for an interpreter's file or for a folder of headers."""
    if not source.is_dir():
        debug_file = find_debug_file(source)
        if debug_file is None:
            sys.exit(f"{source}: no debug information; install its -dbgsym package or give the folder of its headers")
        facts = read_facts(debug_file)
        facts.version = version_of_binary(source)
        minor = ".".join(facts.version.split(".")[:2])
        facts.opcodes = read_opcodes(source.resolve().parent.parent / "include" / f"python{minor}", minor)
        return render(facts, f"the debug information of {source.name}")
    with tempfile.TemporaryDirectory() as folder:
        binary = compile_headers(source, Path(folder))
        facts = read_facts(binary)
        facts.version = version_of_headers(source)
        facts.opcodes = read_opcodes(source, ".".join(facts.version.split(".")[:2]))
        return render(facts, f"{source.name}/internal/*.h, compiled with {facts.producer.split(' -')[0]}")


def find_debug_file(path: Path) -> Path | None:
    """Give the file that has the debug information: itself, or what a distribution keeps by build ID."""
    with path.open("rb") as stream:
        image = ELFFile(stream)
        if image.has_dwarf_info(strict=True):
            return path
        section = image.get_section_by_name(".note.gnu.build-id")
        notes = section.iter_notes() if isinstance(section, NoteSection) else iter(())
        build_id = next((note["n_desc"] for note in notes), "")
    for folder in path.resolve().parents:
        candidate = folder / "usr/lib/debug/.build-id" / build_id[:2] / f"{build_id[2:]}.debug"
        if build_id and candidate.is_file():
            return candidate
    return None


def compile_headers(include: Path, folder: Path) -> Path:
    """Compile a C file that does nothing but include a version's headers; give the object file."""
    present = [name for name in HEADERS if (include / "internal" / f"{name}.h").exists()]
    includes = "".join(f'#include "internal/{name}.h"\n' for name in present)
    source = folder / "probe.c"
    source.write_text(f"#define Py_BUILD_CORE 1\n#include <Python.h>\n{includes}", encoding="utf-8")
    target = folder / "probe.o"
    # Debian keeps the pyconfig.h of each architecture apart, beside the headers of this machine's own C library.
    paths = [f"-I{include}", f"-I{include}/internal", f"-idirafter{include.parent}"]
    flags = ["-g", "-c", "-std=c11", "-w", "-fno-eliminate-unused-debug-types"]
    subprocess.run(["gcc", *flags, *paths, str(source), "-o", str(target)], check=True)
    return target


def version_of_headers(include: Path) -> str:
    """Read PY_VERSION out of patchlevel.h."""
    match = re.search(r'PY_VERSION\s+"([^"]+)"', (include / "patchlevel.h").read_text(encoding="utf-8"))
    if match is None:
        sys.exit(f"{include}: no PY_VERSION in patchlevel.h")
    return match.group(1)


def read_opcodes(include: Path, minor: str) -> dict[str, int]:
    """Read the number of each opcode that an instruction can name; nothing up to 3.10."""
    if minor in {"3.8", "3.9", "3.10"}:
        return {}
    texts = [(include / name).read_text(encoding="utf-8") for name in OPCODE_HEADERS if (include / name).exists()]
    found = re.findall(r"^#define +([A-Z]\w*) +(\d+)\b", "\n".join(texts), flags=re.MULTILINE)
    numbers = {name: int(number) for name, number in found if not NO_OPCODE.fullmatch(name)}
    if opcodes.ENTRIES[0] not in numbers:
        sys.exit(f"{include}: no opcode numbers; install the headers of this interpreter")
    return {name: number for name, number in numbers.items() if number < opcodes.COUNT}


def read_facts(path: Path) -> Facts:
    """Read the structs that Layout names from a file's DWARF."""
    facts = Facts()
    stream = io.BytesIO(path.read_bytes())  # a file could not be closed: the entries of DWARF are read when asked for
    for unit in ELFFile(stream).get_dwarf_info().iter_CUs():
        top = unit.get_top_DIE()
        if Path(text_of(top, "DW_AT_name")).name in UNITS:
            facts.producer = text_of(top, "DW_AT_producer")
            read_unit(unit, facts)
    return facts


def version_of_binary(path: Path) -> str:
    """Find PY_VERSION among the constants; no other text may end in a version."""
    with path.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".rodata")
        data = section.data() if section is not None else b""
    # The linker lets "3.12.1" be the end of a longer text, such as the installation prefix.
    pattern = rb"(?<![\d.])(3\.(?:[89]|\d\d)\.\d+(?:(?:a|b|rc)\d+)?\+?)\0"
    found = {match.group(1).decode() for match in re.finditer(pattern, data)}
    if len(found) != 1:
        sys.exit(f"the interpreter's version is not clear: {found or 'nothing found'}")
    return found.pop()


def read_unit(unit: CompileUnit, facts: Facts) -> None:
    """Take the complete structs and the enumerators of one compilation unit."""
    wanted = {member.split(".")[0] for member in all_paths()}
    names = {alias: name for name in wanted for alias in (name, *ALIASES.get(name, []))}
    for die in unit.get_top_DIE().iter_children():
        if die.tag == "DW_TAG_enumeration_type":
            for child in die.iter_children():
                facts.enumerators[text_of(child, "DW_AT_name")] = child.attributes["DW_AT_const_value"].value
        elif die.tag in ("DW_TAG_structure_type", "DW_TAG_typedef"):
            name = names.get(text_of(die, "DW_AT_name"))
            if name is not None and name not in facts.structs:
                struct_die = strip_typedefs(die)
                if struct_die is not None and "DW_AT_byte_size" in struct_die.attributes:
                    facts.structs[name] = struct_die


def all_paths() -> Iterator[str]:
    """Give every `Struct.member` path that Layout names, without its bit() or sizeof()."""
    for members in MEMBERS.values():
        for member in members:
            yield re.sub(r"^\w+\((.*)\)$", r"\1", member)
    yield DEBUG_STRUCT


def text_of(die: DIE, attribute: str) -> str:
    """Give an attribute as text; empty where it is missing."""
    value = die.attributes.get(attribute)
    return value.value.decode("utf-8", "replace") if value is not None else ""


def strip_typedefs(die: DIE | None) -> DIE | None:
    """Follow typedefs and qualifiers to the struct itself; None for anything else."""
    while die is not None and die.tag not in ("DW_TAG_structure_type", "DW_TAG_union_type"):
        if die.tag not in ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"):
            return None
        die = die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None
    return die


def evaluate(facts: Facts, member: str) -> int | None:
    """Give the number that a member expression of Layout stands for; None where this CPython has no such member."""
    match = re.fullmatch(r"(sizeof|bit)\((.*)\)", member)
    kind, path = match.groups() if match else ("offset", member)
    if kind == "offset" and "." not in path:
        return facts.enumerators.get(path)
    struct_name, _, rest = path.partition(".")
    die = facts.structs.get(struct_name)
    if die is None:
        return None
    if kind == "sizeof":
        return int(die.attributes["DW_AT_byte_size"].value)
    place = find_member(die, rest.split("."))
    if place is None:
        return None
    bits, container_bits = place
    return bits - container_bits if kind == "bit" else bits // 8


def find_member(die: DIE, path: list[str]) -> tuple[int, int] | None:
    """Give where a member starts and where the one around it starts, in bits from the start of the struct."""
    start = 0
    outer = 0
    current: DIE | None = die
    for name in path:
        found = find_child(current, name) if current is not None else None
        if found is None:
            return None
        child, offset = found
        outer, start = start, start + offset
        current = strip_typedefs(child.get_DIE_from_attribute("DW_AT_type"))
    return start, outer


def find_child(die: DIE, name: str) -> tuple[DIE, int] | None:
    """Find a member by name, also inside unnamed structs and unions; with its offset in bits."""
    for child in die.iter_children():
        if child.tag != "DW_TAG_member":
            continue
        offset = bit_offset(child)
        if text_of(child, "DW_AT_name") == name:
            return child, offset
        if "DW_AT_name" not in child.attributes:
            inner = strip_typedefs(child.get_DIE_from_attribute("DW_AT_type"))
            found = find_child(inner, name) if inner is not None else None
            if found is not None:
                return found[0], offset + found[1]
    return None


def bit_offset(member: DIE) -> int:
    """Give a member's offset in bits; DWARF 5 counts bit fields from the start of the struct."""
    attributes: dict[str, Any] = member.attributes
    if "DW_AT_data_bit_offset" in attributes:
        return int(attributes["DW_AT_data_bit_offset"].value)
    if "DW_AT_data_member_location" in attributes:
        return int(attributes["DW_AT_data_member_location"].value) * 8
    return 0


def debug_places(facts: Facts) -> dict[str, int]:
    """Give where `_Py_DebugOffsets` keeps each value that Layout takes from it, and its own header."""
    if DEBUG_STRUCT not in facts.structs:
        return {}
    names = ["version", "free_threaded", *DEBUG_NAMES.values()]
    places = {name: find_member(facts.structs[DEBUG_STRUCT], name.split(".")) for name in names}
    return {name: place[0] // 8 for name, place in places.items() if place is not None}


def render(facts: Facts, how: str) -> str:
    """Write the data file; refuse one that Layout could not be built from."""
    minor = ".".join(facts.version.split(".")[:2])
    lines = [
        f"# CPython {facts.version or 'of unknown version'}, x86-64, built with the GIL",
        f"# flags: {facts.producer}",
        f"# extracted by scripts/extract_layout.py from {how}",
        f'version: "{minor}"',
        "members:",
    ]
    for members in MEMBERS.values():
        for member in members:
            value = evaluate(facts, member)
            lines.append(f"  {member}: {'null' if value is None else value}")
    places = debug_places(facts)
    lines += ["debug_offsets:", *(f"  {name}: {place}" for name, place in places.items())] if places else []
    return "\n".join(lines + render_opcodes(facts.opcodes)) + "\n"


def render_opcodes(numbers: dict[str, int]) -> list[str]:
    """Write the numbers that Layout names, and all numbers in use as ranges."""
    if not numbers:
        return []
    used = set(numbers.values())
    firsts = sorted(number for number in used if number - 1 not in used)
    lasts = sorted(number for number in used if number + 1 not in used)
    ranges = ", ".join(f"[{first}, {last}]" for first, last in zip(firsts, lasts, strict=True))
    wanted = [f"  {name}: {numbers[name]}" for name in opcodes.NAMES if name in numbers]
    return ["opcodes:", *wanted, f"opcodes_defined: [{ranges}]"]


if __name__ == "__main__":
    sys.exit(main())
