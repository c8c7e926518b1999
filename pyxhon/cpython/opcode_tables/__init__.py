"""Opcodes of each minor version: names, caches, what specialised ones stand for, what arguments mean.

What xdis knows comes from it. What it does not know, or not rightly, lies in data files beside this one, written by
`scripts/extract_opcodes.py`: specialised and instrumented opcodes (3.11+), and all of 3.14 and later.
"""

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

LAST_OF_XDIS = 13
"""The last minor version that xdis 6.3 has right: its 3.14 is a development version's."""

_DIRECTORY = Path(__file__).parent
_LAST_KNOWN = 15
_OLDEST = 8
_FIRST_WITH_CACHES = 11
_COUNT = 256
_INSTRUMENTED = "INSTRUMENTED_"
_COVERS = ("INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION", "ENTER_EXECUTOR")
KINDS = ("name", "const", "local", "free", "jrel", "jabs", "compare")


@dataclass(frozen=True, slots=True)
class OpcodeTable:
    """The opcodes of a minor version.

    `names` has "" for a number that stands for none. `originals` leads from a specialised or instrumented opcode to the
    one that the compiler made. `caches` are code units that follow. `arguments` are the opcodes that have one,
    `kinds` says what it is. `bases` are the originals of all; -1: it stands in the place of another opcode, which its
    number does not tell.
    """

    version: tuple[int, int]
    names: tuple[str, ...]
    originals: dict[int, int]
    caches: tuple[int, ...]
    arguments: frozenset[int]
    kinds: dict[int, str]
    words: dict[str, list[str]]
    numbers: dict[str, int]
    bases: tuple[int, ...]


@functools.cache
def load_opcodes(version: tuple[int, int]) -> OpcodeTable | None:
    """Give the opcodes of a minor version; None where they are not known."""
    table = load_numbers(version)
    if table is None:
        return None
    data = _read(version)
    names, arguments, kinds = list(table.names), frozenset[int](), dict[int, str]()
    if version[1] <= LAST_OF_XDIS:
        names, arguments, kinds = _of_xdis(version)
        names = [own or name for name, own in zip(names, table.names, strict=True)]
    numbers = {name: number for number, name in enumerate(names) if name}
    if "kinds" in data:
        kinds = {numbers[name]: kind for kind in KINDS for name in data["kinds"][kind]}
    if "arguments" in data:  # xdis knows only from which number on opcodes have one
        arguments = frozenset(numbers[name] for name in data["arguments"])
    return replace(table, names=tuple(names), arguments=arguments, kinds=kinds, numbers=numbers)


@functools.cache
def load_numbers(version: tuple[int, int]) -> OpcodeTable | None:
    """Give what is needed to put bytecode back: from 3.11 on names, caches and what each opcode stands for."""
    major, minor = version
    if major != 3 or not _OLDEST <= minor <= _LAST_KNOWN:  # noqa: PLR2004
        return None
    data = _read(version)
    numbers: dict[str, int] = data.get("numbers", {})
    names, caches = [""] * _COUNT, [0] * _COUNT
    for name, number in numbers.items():
        names[number] = name
    originals = {numbers[name]: numbers[base] for name, base in data.get("originals", {}).items()}
    for name, number in numbers.items():
        if name.startswith(_INSTRUMENTED) and (base := numbers.get(name.removeprefix(_INSTRUMENTED))) is not None:
            originals[number] = base
    for name, count in data.get("caches", {}).items():
        caches[numbers[name]] = count
    for number, base in originals.items():
        caches[number] = caches[base]
    words = data.get("words", {})
    bases = [-1 if name in _COVERS else originals.get(number, number) for number, name in enumerate(names)]
    for number, base in originals.items():
        bases[number] = originals.get(base, base)  # instrumented ones may be specialised, too
    return OpcodeTable(version, tuple(names), originals, tuple(caches), frozenset(), {}, words, numbers, tuple(bases))


def _read(version: tuple[int, int]) -> dict[str, Any]:
    if version[1] < _FIRST_WITH_CACHES:
        return {}
    content: dict[str, Any] = json.loads((_DIRECTORY / f"3.{version[1]}.json").read_text(encoding="utf-8"))
    return content


def _of_xdis(version: tuple[int, int]) -> tuple[list[str], frozenset[int], dict[int, str]]:
    from xdis.op_imports import op_imports  # noqa: PLC0415 - takes longer than all the rest

    module: Any = op_imports[f"{version[0]}.{version[1]}"]
    names = [name if name[0] != "<" else "" for name in module.opname[:_COUNT]]
    names += [""] * (_COUNT - len(names))
    kinds = {number: kind for kind in KINDS for number in getattr(module, f"has{kind}") if number < _COUNT}
    return names, frozenset(range(int(module.HAVE_ARGUMENT), _COUNT)), kinds
