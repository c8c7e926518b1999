"""Layouts against the truth: shape, agreement with each interpreter's debug information, stacks from outside."""

import functools
import json
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from pyxhon.cpython import opcodes as opcodes_module
from pyxhon.cpython.code import instruction_offset, is_frame_started, read_line_table
from pyxhon.cpython.layout import DEBUG_NAMES, MEMBERS, Layout, apply_debug_offsets, load_layout, parse_layout
from pyxhon.cpython.objects import Memory, read_code
from pyxhon.target.process import read_memory
from scripts.extract_layout import LAYOUTS, extract, find_debug_file, list_differences
from tests.interpreters import every_python, find_interpreters
from tests.targets import running

FILES = sorted(LAYOUTS.glob("*.yaml"))
_CODE_TAG = 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_has_exactly_the_members_of_layout(path):
    data = yaml.safe_load(path.read_text())

    expected = {member for members in MEMBERS.values() for member in members}

    assert set(data["members"]) == expected
    assert set(data) - {"patches", "debug_offsets", "opcodes", "opcodes_defined"} == {"version", "members"}
    assert {member for moved in data.get("patches", {}).values() for member in moved} <= expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_says_what_its_version_has(path):
    layout = parse_layout(path.read_text())

    assert bool(layout.debug_offsets) == (layout.version >= (3, 13))
    assert (layout.opcodes is not None) == (layout.version >= (3, 11))


# Prints all opcodes of the running version: the numbers of those that have a name there, and all numbers in use.
_ASK_OPCODES = """
import json, opcode, sys
numbers = dict(opcode.opmap)
if sys.version_info >= (3, 13):
    import _opcode_metadata
    numbers.update(_opcode_metadata._specialized_opmap)
    numbers.update(_opcode_metadata.opmap)
print(json.dumps({name: number for name, number in numbers.items() if number < 256}))
"""


@every_python(min=(3, 11))
def test_opcode_numbers_are_those_that_the_interpreter_tells(python):
    told = json.loads(subprocess.run(python.command("-c", _ASK_OPCODES), capture_output=True, check=True).stdout)
    opcodes = _layout(python).opcodes

    assert {name: number for name, number in opcodes.numbers if name in told} == {
        name: number for name, number in told.items() if name in opcodes_module.NAMES
    }
    assert not set(told.values()) & set(opcodes.undefined)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_serves_the_probes(path):
    layout = parse_layout(path.read_text())

    assert layout.fault() is None
    assert layout.frame_block_size <= 96
    assert all(isinstance(value, int) for name, value in asdict(layout).items() if name in _required_fields())


def _required_fields():
    return {name for name, kind in Layout.__annotations__.items() if kind is int}


def test_a_file_is_there_for_each_supported_version():
    assert [load_layout(f"3.{minor}").version for minor in range(8, 16)] == [(3, minor) for minor in range(8, 16)]


def _debug_sources():
    """What there is to extract layouts from; a distribution's interpreters are stripped, the rest is kept apart."""
    for python in find_interpreters():
        if not (3, 8) <= python.version[:2] <= (3, 15):
            continue
        major, minor, _ = python.version
        binary = Path(python.root) / python.path.lstrip("/")
        shared = binary.resolve().parent.parent / "lib" / f"libpython{major}.{minor}.so.1.0"
        headers = Path(python.root) / f"usr/include/python{major}.{minor}"
        if shared.exists():
            yield pytest.param(python, shared, id=f"{python.name}-libpython")
        elif find_debug_file(binary):
            yield pytest.param(python, binary, id=f"{python.name}-debug-file")
        if python.path.startswith("/usr/") and (headers / "internal").exists():
            yield pytest.param(python, headers, id=f"{python.name}-headers")


@pytest.mark.parametrize("python, source", list(_debug_sources()))
def test_layout_agrees_with_the_debug_information_of_the_interpreter(python, source):
    major, minor, _ = python.version

    differences = list_differences(LAYOUTS / f"{major}.{minor}-x86_64.yaml", extract(source))

    assert differences == []


@every_python()
def test_reading_from_outside_gives_the_stack_that_python_tells(python):
    with running(python, "known_stacks.py") as target:
        truth = json.loads(target.hear())
        memory = Memory(functools.partial(read_memory, target.pid), _layout(python))

        stacks = {str(ident): stack for ident, stack in _walk_threads(memory, truth["runtime"])}

    assert stacks == truth["stacks"]
    assert sorted(map(len, stacks.values()))[-1] > 50


@every_python(min=(3, 11))
def test_native_thread_ids_are_the_kernels(python):
    with running(python, "known_stacks.py") as target:
        truth = json.loads(target.hear())
        memory = Memory(functools.partial(read_memory, target.pid), _layout(python))
        layout = memory.layout
        states = _thread_states(memory, truth["runtime"])
        native = {
            str(memory.pointer(state + layout.thread_state_thread_id)): memory.pointer(
                state + layout.thread_state_native_thread_id
            )
            for state in states
        }

    assert truth["native"].items() <= native.items()
    assert target.pid in native.values()


@every_python(min=(3, 13))
def test_the_interpreter_publishes_the_same_offsets(python):
    with running(python, "known_stacks.py") as target:
        truth = json.loads(target.hear())
        raw = read_memory(target.pid, truth["runtime"], 1024)

    layout = _layout(python)

    assert apply_debug_offsets(layout, raw) == (layout, [])
    assert {"thread_state.current_frame", "code_object.linetable"} <= dict(layout.debug_offsets).keys()
    assert len(dict(layout.debug_offsets).keys() & set(DEBUG_NAMES.values())) >= 35


def _layout(python):
    return load_layout(".".join(map(str, python.version)))


def _thread_states(memory, runtime):
    layout = memory.layout
    interpreter = memory.pointer(runtime + layout.runtime_interpreters_head)
    while interpreter:
        state = memory.pointer(interpreter + layout.interpreter_threads_head)
        while state:
            yield state
            state = memory.pointer(state + layout.thread_state_next)
        interpreter = memory.pointer(interpreter + layout.interpreter_next)


def _walk_threads(memory, runtime):
    for state in _thread_states(memory, runtime):
        stack = list(_walk_frames(memory, state))
        if stack:
            yield memory.pointer(state + memory.layout.thread_state_thread_id), stack


def _walk_frames(memory, state):
    """What the probes do in the kernel: one block read per frame."""
    layout = memory.layout
    if layout.thread_state_frame is not None:
        frame = memory.pointer(state + layout.thread_state_frame)
    else:
        frame = memory.pointer(memory.pointer(state + layout.thread_state_cframe) + layout.cframe_current_frame)
    while frame:
        block = memory.block(frame + layout.frame_block_start, layout.frame_block_size)
        code = _field(layout, block, layout.frame_code) & ~_CODE_TAG
        walked = _field(layout, block, layout.frame_instruction, layout.frame_instruction_size)
        owner = None if layout.frame_owner is None else _field(layout, block, layout.frame_owner, 1)
        frame = _field(layout, block, layout.frame_previous)
        if layout.frame_owner_skip_from is not None and owner >= layout.frame_owner_skip_from:
            continue
        if layout.code_bytecode is not None:
            walked = walked - code - layout.code_bytecode & 0xFFFFFFFF
        facts = read_code(memory, code)
        offset = instruction_offset(layout, walked)
        if is_frame_started(layout, offset, facts.first_traceable, owner):
            table = read_line_table(layout.version, facts.first_line, facts.line_table)
            yield [facts.filename, facts.qualified_name, table.line_of(offset)]


def _field(layout, block, offset, size=8):
    start = offset - layout.frame_block_start
    return int.from_bytes(block[start : start + size], "little")


def test_published_offsets_win_and_are_reported():
    layout = load_layout("3.14")
    raw = _published(layout, {"interpreter_frame.previous": 16})

    changed, notes = apply_debug_offsets(layout, raw)

    assert changed == replace(layout, frame_previous=16)
    assert notes == ["_Py_DebugOffsets.interpreter_frame.previous is 16, not 8 as in CPython's headers"]


@pytest.mark.parametrize(
    "raw, reason",
    [
        (b"", "its cookie is missing"),
        (b"xdebugpy", "it is cut short"),
        (b"xdebugpy" + (0x030D00F0).to_bytes(8, "little") + bytes(1000), "it is of another version"),
        (b"xdebugpy" + (0x030E00F0).to_bytes(8, "little") + b"\1" + bytes(1000), "it is of a free-threaded build"),
    ],
)
def test_published_offsets_of_something_else_are_refused(raw, reason):
    layout = load_layout("3.14")

    changed, notes = apply_debug_offsets(layout, raw)

    assert changed is layout
    assert len(notes) == 1
    assert reason in notes[0]


def test_impossible_published_offsets_are_not_used():
    layout = load_layout("3.14")
    raw = _published(layout, {"interpreter_frame.previous": 1 << 40, "code_object.name": 4096})

    changed, notes = apply_debug_offsets(layout, raw)

    assert changed is layout
    assert len(notes) == 3


def test_published_offsets_cut_short_leave_the_rest_as_it_was():
    layout = load_layout("3.15")

    changed, notes = apply_debug_offsets(layout, _published(layout, {})[:300])

    assert changed == layout
    assert notes


def _published(layout, changes):
    raw = bytearray(2000)
    raw[:8] = b"xdebugpy"
    places = dict(layout.debug_offsets)
    values = {debug: getattr(layout, name) for name, debug in DEBUG_NAMES.items()}
    values |= {"version": layout.version[0] << 24 | layout.version[1] << 16 | 0xF0, "free_threaded": 0} | changes
    for name, place in places.items():
        raw[place : place + 8] = values[name].to_bytes(8, "little")
    return bytes(raw)


@pytest.mark.parametrize("version", ["3.7", "3.16", "4.0", "../3.12", "3.12\n", "", "3.12.1.1"])
def test_no_layout_for_other_versions(version):
    assert load_layout(version) is None


def test_no_layout_for_free_threaded_builds():
    assert load_layout("3.13", is_free_threaded=True) is None


def test_a_member_that_moved_in_a_patch_release_is_known_from_then_on():
    offsets = [load_layout(version).runtime_audit_hooks for version in ("3.13.0", "3.13.11", "3.13.12", "3.13.18")]

    assert offsets == [10424, 10424, 10448, 10448]
    assert load_layout("3.14.2").runtime_audit_hooks is None
