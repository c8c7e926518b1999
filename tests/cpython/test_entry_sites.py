"""Where Python functions start and end, against builds of which it is known, damaged files and the interpreter."""

import functools
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from pyxhon.cpython.dispatch_table import DispatchTable, find_dispatch_tables
from pyxhon.cpython.entry_sites import EntrySite, EntrySites, find_entry_sites, find_exit_sites
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.machine_code import index_code
from pyxhon.cpython.opcodes import Opcodes
from pyxhon.cpython.runtime import Runtime, find_runtime_in_file
from pyxhon.target.elf import ElfImage, open_image
from pyxhon.target.elf_tables import DT_RELA
from tests.instruction_counts import count_hits
from tests.interpreters import Interpreter, every_python

# Build ID -> the sites at which a prototype counted exactly, on these very builds. Those that are joined end in "*".
_KNOWN = {
    "ff2a4988bea9e9bbbb8004eb6e74cc0792734c3b": {"eval": 0x6BF60},  # 3.8.18
    "8a6cadea533dd782615a0f14a75b5aef248a10d4": {"eval": 0x66920},  # 3.9.18
    "ece57af647dd10ee274f46d757d62a5eab42c418": {"eval": 0x65540},  # 3.10.13
    "49daf84ed369fe589b73ea876f2591cd4c3588bb": {"resume": 0x100F56, "resume_quick": 0x101987},  # 3.11.7
    "571d98e01096d5c1c32420d229a6731a0a50d2a0": {"resume": 0x52F5E4, "resume_quick": 0x52B2B1},  # Debian 12's 3.11.2
    "f9d5c82f5f2c22df68c1d49c944ef3dee5103dcc": {"resume": 0x114400, "instrumented_resume": 0x114718},  # 3.12.1
    "d11d13fb0f82d32f3da1221ffd551ab179afb423": {  # 3.13.0
        "resume*": 0x90A5E,
        "resume_check": 0x90AA2,
        "instrumented_resume": 0x8F2DC,
    },
    "7e8d5f6d0cd6cd1e9bff2a775c11d398cecca758": {  # Debian 13's 3.13
        "resume": 0x56504B,
        "resume_check": 0x5613F6,
        "instrumented_resume": 0x5687FE,
    },
    "cccda113240f3ba4c016991793a62dc0cfe01613": {  # Debian sid's 3.14.10
        "resume*": 0x443DB5,
        "resume_check": 0x443CA7,
        "instrumented_resume": 0x44E36B,
    },
    "d41ac9e28ff414f10df5da23fb051683a7b4adcf": {  # Debian sid's 3.15.2
        "resume*": 0x445203,
        "resume_check": 0x4457E9,
        "resume_check_jit": 0x44514C,
        "instrumented_resume": 0x44D123,
    },
}
_CALLS = """
def function(): pass
for _ in range({times}): function()
"""
_GENERATORS = """
def generator():
    yield 1
    yield 2
for _ in range({times}): list(generator())
"""


def _file_of(python: Interpreter) -> Runtime:
    root = "" if python.root == "/" else python.root
    return find_runtime_in_file(root + python.path)


def _opcodes(python: Interpreter) -> Opcodes | None:
    return load_layout(_file_of(python).minor_version).opcodes


def _find(python: Interpreter, path: str | Path | None = None) -> EntrySites:
    with open_image(str(path or _file_of(python).file_path)) as image:
        return find_entry_sites(index_code(image), python.version, _opcodes(python))


@functools.cache
def _sites(python: Interpreter) -> tuple[EntrySite, ...]:
    return _find(python).sites


@functools.cache
def _exits(python: Interpreter) -> tuple[EntrySite, ...]:
    with open_image(_file_of(python).file_path) as image:
        return find_exit_sites(index_code(image), python.version, _opcodes(python)).sites


def _kinds(python: Interpreter) -> set[str]:
    names = {name for name, _ in _opcodes(python).numbers} if _opcodes(python) else {"EVAL"}
    return {f"entry_{name.lower()}" for name in names if "RESUME" in name or name == "EVAL"}


@every_python()
def test_every_kind_of_entry_has_one_site(python):
    found = _find(python)

    assert sorted(site.kind for site in found.sites) == sorted(_kinds(python))
    assert found.notes == ()


@every_python()
def test_entry_sites_are_emulated(python):
    assert all(site.is_emulated for site in _sites(python))


@every_python()
def test_known_builds_have_the_sites_that_were_proved(python):
    with open_image(_file_of(python).file_path) as image:
        known = _KNOWN.get(image.build_id)

    found = {f"{s.kind.removeprefix('entry_')}{'*' if s.is_joined else ''}": s.address for s in _sites(python)}

    assert known in (None, found)


@every_python()
def test_a_stripped_file_has_the_same_sites(python, tmp_path):
    stripped = tmp_path / "stripped"
    shutil.copyfile(_file_of(python).file_path, stripped)
    subprocess.run(["strip", "--strip-all", str(stripped)], check=True)

    with open_image(str(stripped)) as image:
        assert image.is_stripped
    assert _find(python, stripped).sites == _sites(python)


@every_python(min=(3, 12))
def test_what_drops_frames_is_the_function_of_the_symbol_table(python):
    with open_image(_file_of(python).file_path) as image:
        names = {entry.symbol.value: entry.name for entry in image.static_table}

    drops = [site.body for site in _exits(python) if site.kind == "exit_drop"]

    assert len(drops) == 1
    assert not names or names[drops[0]] in {"_PyEvalFrameClearAndPop", "_PyEval_FrameClearAndPop"}


@every_python(min=(3, 12))
def test_exit_sites_are_emulated_but_one(python):
    stepped = [site for site in _exits(python) if not site.is_emulated]

    assert {site.kind for site in _exits(python)} == {"exit_drop", "exit_yield"}
    # The body of YIELD_VALUE has neither branch nor call in builds of 3.13.
    assert [site.opcode for site in stepped] == ([118] if python.version[:2] == (3, 13) else [])


@every_python(max=(3, 10))
def test_up_to_3_10_the_loop_ends_at_one_emulated_call(python):
    assert [(site.kind, site.is_emulated) for site in _exits(python)] == [("exit_eval", True)]


@every_python(min=(3, 11), max=(3, 11))
def test_3_11_has_no_exit_sites(python):
    with open_image(_file_of(python).file_path) as image:
        found = find_exit_sites(index_code(image), python.version, _opcodes(python))

    assert found == EntrySites((), ("CPython 3.11 has no one place for them",))


def _table(python: Interpreter) -> DispatchTable:
    with open_image(_file_of(python).file_path) as image:
        tables, _ = find_dispatch_tables(image, _opcodes(python))
    return tables[0]


def _damage(python: Interpreter, tmp_path: Path, changes: dict[int, int]) -> Path:
    """Copy the interpreter's file with other bodies in its dispatch tables."""
    damaged = tmp_path / "damaged"
    shutil.copyfile(_file_of(python).file_path, damaged)
    with open_image(str(damaged)) as image, damaged.open("r+b") as file:
        for table in find_dispatch_tables(image, _opcodes(python))[0]:
            for number, body in changes.items():
                file.seek(_place_of(image, table.address + 8 * number))
                file.write(struct.pack("<Q", body))
    return damaged


def _place_of(image: ElfImage, slot: int) -> int:
    """Give the file offset of what fills a slot: the addend of its relocation, else the slot itself."""
    relocation = image.relocations.rela.find(struct.pack("<QQ", slot, 8))
    if relocation < 0:
        return image.file_offset(slot)
    return image.file_offset(image.dynamic_value(DT_RELA)) + relocation + 16


@every_python(min=(3, 11))
def test_a_table_in_which_an_undefined_opcode_has_code_is_refused(python, tmp_path):
    undefined = _opcodes(python).undefined
    damaged = _damage(python, tmp_path, {undefined[len(undefined) // 2]: _table(python).bodies[1]})

    found = _find(python, damaged)

    assert found == EntrySites((), ("dispatch table: nothing in the file looks like one",))


@every_python(min=(3, 11))
def test_a_table_in_which_a_form_of_resume_has_no_code_is_refused(python, tmp_path):
    table = _table(python)
    for site in _sites(python):
        found = _find(python, _damage(python, tmp_path, {site.opcode: table.no_opcode}))

        assert found.sites == ()
        assert len(found.notes) == 1


@every_python(min=(3, 11))
def test_a_body_shared_with_another_opcode_is_joined(python, tmp_path):
    opcodes = _opcodes(python)
    resume, other = opcodes.number_of("RESUME"), opcodes.number_of("RETURN_VALUE")
    damaged = _damage(python, tmp_path, {other: _table(python).bodies[resume]})

    shared = next(site for site in _find(python, damaged).sites if site.opcode == resume)

    assert shared.is_joined


@every_python(min=(3, 11))
def test_a_file_without_relocations_gives_a_note(python, monkeypatch):
    path, opcodes = _file_of(python).file_path, _opcodes(python)
    monkeypatch.setattr(ElfImage, "is_position_independent", True)
    monkeypatch.setattr(ElfImage, "_dynamic_content", lambda *_: b"")

    with open_image(path) as image:
        found = find_entry_sites(index_code(image), python.version, opcodes)

    assert found == EntrySites((), ("dispatch table: nothing in the file looks like one",))


@every_python()
def test_a_file_cut_short_while_it_is_read_gives_a_note(python, tmp_path):
    cut = tmp_path / "cut"
    shutil.copyfile(_file_of(python).file_path, cut)
    with open_image(str(cut)) as image:
        os.truncate(cut, 4096)
        code = index_code(image)

        entries = find_entry_sites(code, python.version, _opcodes(python))
        exits = find_exit_sites(code, python.version, _opcodes(python))

    assert entries.sites == exits.sites == ()
    assert entries.notes
    assert exits.notes


@pytest.mark.parametrize("version", [(3, 10, 1), (3, 11, 2), (3, 14, 0)])
def test_a_file_that_is_no_interpreter_gives_a_note(version):
    opcodes = load_layout(f"{version[0]}.{version[1]}").opcodes
    with open_image("/bin/true") as image:
        found = find_entry_sites(index_code(image), version, opcodes)

    assert found.sites == ()
    assert len(found.notes) == 1


def test_a_version_without_known_opcodes_gives_a_note():
    with open_image("/bin/true") as image:
        found = find_entry_sites(index_code(image), (3, 99), None)

    assert found == EntrySites((), ("calls: the opcodes of this version are not known",))


def _hits(python: Interpreter, sites: tuple[EntrySite, ...], program: str) -> int:
    path = _file_of(python).file_path
    with open_image(path) as image:
        offsets = [image.file_offset(site.address) for site in sites]
    return sum(count_hits(path, offsets, python.command("-I", "-S", "-c", program)).counts.values())


# Where sites are joined, a few hits are not of the site's own opcode: the probe leaves them out, these counters do not.
_JOINED = 10


@every_python()
@pytest.mark.parametrize(("program", "entries"), [(_CALLS, 1), (_GENERATORS, 3)])
def test_entry_sites_are_hit_once_for_each_entry(python, program, entries, needs_bpf):
    times = 500

    some, none = (_hits(python, _sites(python), program.format(times=n)) for n in (times, 0))

    surplus = some - none - times * entries
    assert 0 <= surplus <= (_JOINED if any(site.is_joined for site in _sites(python)) else 0)


@every_python(min=(3, 12))
@pytest.mark.parametrize(("program", "exits"), [(_CALLS, 1), (_GENERATORS, 3)])
def test_exit_sites_are_hit_once_for_each_exit(python, program, exits, needs_bpf):
    times = 500

    some, none = (_hits(python, _exits(python), program.format(times=n)) for n in (times, 0))

    assert some - none == times * exits
