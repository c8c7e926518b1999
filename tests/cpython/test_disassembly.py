"""Opcode tables and disassembly against each interpreter's own dis, for every instruction of a thousand functions."""

import functools
import json
import subprocess
from pathlib import Path

import pytest

from pyxhon.cpython.bytecode import Covered, restore
from pyxhon.cpython.disassembly import Disassembly, Parts, read_exceptions
from pyxhon.cpython.opcode_tables import load_opcodes
from scripts.extract_opcodes import TABLES, extract
from tests.interpreters import every_python
from tests.targets import PROGRAMS


@functools.cache
def _records(python):
    command = python.command(PROGRAMS / "disassembly.py")
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    return [json.loads(line) for line in said.splitlines()]


def _parts(version, record):
    lists = {name: record[name] for name in ("names", "variables", "cells", "free", "all_locals")}
    blobs = {name: bytes.fromhex(record[name]) for name in ("bytecode", "line_table", "exception_table")}
    constants = [{"type": "", "text": text} for text in record["constants"]]
    return Parts(version=version, first_line=record["first_line"], constants=constants, **lists, **blobs)


@every_python()
def test_instructions_are_those_of_dis(python):
    wrong, compared = [], 0
    for record in _records(python):
        ours = list(Disassembly(_parts(python.version[:2], record)).all())
        found = [[each.offset, each.name, each.argument is not None] for each in ours]
        if found != [each[:3] for each in record["instructions"]]:
            wrong.append((record["name"], found, record["instructions"]))
        compared += len(ours)

    assert wrong[:1] == []
    assert compared > 35000


def _is_same(argument, words):
    shown, value, *_ = words
    if value.startswith("<code object") or argument in ("is", "is not", "in", "not in"):
        return True  # dis shows an address; older ones nothing but the number
    parts = shown.replace("NULL|self + ", "").replace("NULL + ", "").split(" + ")[0]
    return (
        argument in (*words, parts)
        or shown == f"<built-in function {argument}>"
        or (argument.startswith("to ") and shown.startswith(("to ", "from ")))
    )


@every_python()
def test_arguments_are_those_of_dis(python):
    wrong = []
    for record in _records(python):
        for ours, (_, name, _, words) in zip(
            Disassembly(_parts(python.version[:2], record)).all(), record["instructions"], strict=True
        ):
            # 3.11 and 3.12 do not show the names of keywords
            if ours.argument is not None and name != "KW_NAMES" and not _is_same(ours.argument, words):
                wrong.append((record["name"], ours, words))

    assert wrong[:5] == []


@every_python(max=(3, 11))
def test_jumps_lead_where_dis_says(python):
    wrong, jumps = [], 0
    for record in _records(python):
        for ours, (_, _, _, words) in zip(
            Disassembly(_parts(python.version[:2], record)).all(), record["instructions"], strict=True
        ):
            if words[0].startswith("to "):
                jumps += 1
                wrong += [(record["name"], ours, words)] if ours.argument != words[0] else []

    assert wrong[:5] == []
    assert jumps > 1000


@every_python(min=(3, 11))
def test_positions_are_those_of_co_positions(python):
    wrong = []
    for record in _records(python):
        for ours in Disassembly(_parts(python.version[:2], record)).all():
            theirs = record["positions"][ours.offset // 2]
            place = ours.position
            found = [place.line, place.end_line, place.column, place.end_column] if place else [None] * 4
            if found != theirs:
                wrong.append((record["name"], ours, theirs))

    assert wrong[:5] == []


@every_python(min=(3, 11))
def test_exception_tables_are_read_as_dis_does(python):
    wrong = []
    for record in _records(python):
        table = read_exceptions(bytes.fromhex(record["exception_table"]))
        found = [[each.start, each.end, each.target, each.depth, each.keeps_instruction] for each in table]
        wrong += [(record["name"], found)] if found != record["exceptions"] else []

    assert wrong[:3] == []


@every_python(min=(3, 11))
def test_specialised_code_is_put_back(python):
    table = load_opcodes(python.version[:2])
    wrong, specialised = [], 0
    for record in _records(python):
        raw = bytes.fromhex(record["adaptive"])
        restored, unresolved = restore(table, raw, Covered())
        specialised += raw != restored
        if restored.hex() != record["bytecode"] or unresolved:
            wrong.append((record["name"], unresolved))

    assert wrong == []
    assert specialised > 50


@every_python(min=(3, 11))
def test_data_files_agree_with_headers_and_interpreter(python):
    version = f"python3.{python.version[1]}"
    bases = (Path(python.root) / "usr/include", Path(python.path).parent.parent / "include")
    include = next((base / version for base in bases if (base / version / "internal").is_dir()), None)
    if include is None:
        pytest.skip(f"no headers of {python.name}")

    minor, text = extract(include, python.command())

    told, kept = json.loads(text), json.loads((TABLES / f"3.{minor}.json").read_text())
    assert told | {"python": ""} == kept | {"python": ""}
