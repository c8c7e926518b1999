#!/usr/bin/env python3
"""Writes `pyxhon/cpython/instruction_sets/VERSION.json` from CPython's own headers.

    scripts/extract_opcodes.py VERSION INCLUDE_DIRECTORY

for example `scripts/extract_opcodes.py 3.12 /usr/include/python3.12`.
"""

import json
import re
import sys
from pathlib import Path

_DEFINE = re.compile(r"#define ([A-Z][A-Z0-9_]+)[ \t]+(\d+)\b")
_ENTRY = re.compile(r"\[([A-Z][A-Z0-9_]+)\] = (\w+),")
_TABLE = r"{name}\[256\] = \{{(.*?)\n\}};"
_NO_OPCODES = ("HAVE_ARGUMENT", "MIN_", "NB_", "CACHE", "RESERVED", "ENABLE_SPECIALIZATION")
_INSTRUMENTED = "INSTRUMENTED_"
_LAST = 255


def main() -> None:
    """Write the file of one version."""
    version, include = sys.argv[1], Path(sys.argv[2])
    defined = _read(include, "opcode.h", "opcode_ids.h")
    text = _read(include, "internal/pycore_opcode.h", "internal/pycore_opcode_metadata.h")
    numbers = {name: int(number) for name, number in _DEFINE.findall(defined) if _is_opcode(name, int(number))}
    bases = {name: base for name, base in _entries(text, "_PyOpcode_Deopt").items() if name != base}
    plain = {name: name.removeprefix(_INSTRUMENTED) for name in numbers if name.startswith(_INSTRUMENTED)}
    bases |= {name: base for name, base in plain.items() if base in numbers}
    known = {name: bases[name] for name in numbers if name in bases}
    caches = {name: int(count) for name, count in _entries(text, "_PyOpcode_Caches").items() if int(count)}
    content = {"opcodes": dict(sorted(numbers.items(), key=lambda one: one[1])), "bases": known, "caches": caches}
    place = Path(__file__).parents[1] / "pyxhon" / "cpython" / "instruction_sets" / f"{version}.json"
    place.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _read(include: Path, *names: str) -> str:
    """Give the texts of those headers that a version has."""
    return "\n".join(path.read_text(encoding="utf-8") for name in names if (path := include / name).exists())


def _is_opcode(name: str, number: int) -> bool:
    return number <= _LAST and not name.startswith(_NO_OPCODES)


def _entries(text: str, name: str) -> dict[str, str]:
    found = re.search(_TABLE.format(name=name), text, re.DOTALL)
    return dict(_ENTRY.findall(found[1])) if found else {}


if __name__ == "__main__":
    main()
