"""Files made to mislead or to exhaust: a dossier or an ElfError within the budget, and never silence about a gap."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyxhon.dossier import system_call_code
from pyxhon.dossier.budget import Allowance, Budget
from pyxhon.dossier.model import Dossier, dossier_from_json
from pyxhon.dossier.read import read_dossier
from pyxhon.errors import ElfError
from tests.unit.dossier.builds import SIX, Clock, build, examine_bytes, image_in_memory

_SEGMENT = struct.Struct("<IIQQQQQQ")
_HUGE = [0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 63, (1 << 64) - 1]
survived = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    source = SIX + "__attribute__((constructor)) void built(void) { one(); }"
    return Path(build(tmp_path_factory.mktemp("hostile"), "small", source)).read_bytes()


def read(content, budget=None):
    """Examine bytes; gives the dossier, or None where they are no ELF file."""
    try:
        return examine_bytes(bytes(content), Allowance()).dossier
    except ElfError:
        return None


def code_only(size, fill, *, flags=5):
    """Make a file with one executable segment of `size` bytes and nothing else."""
    header = (
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    )
    start = len(header) + _SEGMENT.size
    content = bytearray(header + _SEGMENT.pack(1, flags, 0, 0, 0, size, size, 4096))
    content += (fill * ((size - start) // len(fill) + 1))[: size - start]
    return bytes(content)


@survived
@given(data=st.data())
def test_changed_bytes_are_survived(small, data):
    content = bytearray(small)
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    found = read(content)

    assert found is None or dossier_from_json(found.to_json()) == found


@survived
@given(data=st.data())
def test_changed_words_are_survived(small, data):
    content = bytearray(small)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(8, len(content) // 8 - 1)) * 8
        content[position : position + 8] = data.draw(st.sampled_from(_HUGE)).to_bytes(8, "little")

    found = read(content)

    assert found is None or isinstance(found, Dossier)


@survived
@given(tag=st.integers(1, 36), value=st.sampled_from([*_HUGE, 0x1000, 0x3E00]))
def test_every_dynamic_tag_may_say_anything(small, tag, value):
    content = bytearray(small)
    with image_in_memory(small) as image:
        dynamic = next(s for s in image.segments if s.kind == 2)
    for position in range(dynamic.offset, dynamic.offset + dynamic.file_size, 16):
        if int.from_bytes(content[position : position + 8], "little") == tag:
            content[position + 8 : position + 16] = value.to_bytes(8, "little")

    found = read(content)

    assert found.raw_syscalls == 6


def test_every_truncation_says_that_it_is_one(small):
    for size in range(4, len(small), 97):
        found = read(small[:size])

        assert found.partial or found.raw_syscalls == 6


@pytest.mark.parametrize("content", [b"", b"\x7fEL", b"#!/bin/sh\n", bytes(4096)])
def test_what_is_no_elf_file_is_refused(content):
    with pytest.raises(ElfError, match="is not an ELF file"):
        examine_bytes(content, Allowance())


def test_a_file_for_another_machine_has_a_hash_and_a_reason(small):
    content = bytearray(small)
    content[18] = 183  # EM_AARCH64

    examined = examine_bytes(bytes(content), Allowance())

    assert len(examined.sha256) == 64
    assert examined.dossier.partial == ["not looked at: an ELF file, but not for x86-64"]
    assert examined.dossier.needed is None


def test_a_table_of_constructors_that_does_not_fit_is_said(small):
    with image_in_memory(small) as image:
        size = image.dynamic_value(27)
    content = small.replace(struct.pack("<QQ", 27, size), struct.pack("<QQ", 27, 1 << 40))

    found = read(content)

    assert found.init_functions is None
    assert found.partial == ["a table of constructors or destructors does not fit"]


def test_work_on_100_megabytes_of_system_calls_is_bounded_by_the_clock():
    content = code_only(100 << 20, b"\x0f\x05")
    with image_in_memory(content) as image:
        budget = Budget(2.0, Clock(0.05))

        found = read_dossier(image, budget)

    assert budget.pieces <= 40
    assert 0 < found.raw_syscall_bytes <= 40 << 19
    assert found.partial == ["not all code was searched: time", "entropy was not measured: time"]


def test_code_is_searched_in_pieces_that_each_ask_for_time():
    content = code_only(100 << 20, b"\x90")
    with image_in_memory(content) as image:
        budget = Budget(1.0, Clock(0.02))

        found = read_dossier(image, budget)

    assert budget.pieces <= 50
    assert "not all code was searched: time" in found.partial


def test_places_beyond_the_limit_are_counted_and_said(monkeypatch):
    monkeypatch.setattr(system_call_code, "_MAX_PLACES", 100)

    found = read(code_only(1 << 20, b"\x90" * 46 + b"\x0f\x05"))

    places = ((1 << 20) - 120) // 48
    assert (found.raw_syscalls, found.raw_syscall_bytes) == (100, places)
    assert found.partial == [f"only 100 of {places} places with bytes of a system call instruction were decoded"]


def test_time_that_is_up_before_it_begins_leaves_only_gaps(small):
    with image_in_memory(small) as image:
        found = read_dossier(image, Budget(0.0))

    assert found.init_functions is None
    assert found.partial == [
        "not all symbols were read: time",
        "constructors were not looked at: time",
        "not all code was searched: time",
    ]


def test_names_without_end_are_cut(small):
    content = bytearray(small)
    with image_in_memory(small) as image:
        names = image.dynamic_value(5)
        size = image.dynamic_value(10)
    content[names : names + size] = b"x" * size

    found = read(content)

    assert all(len(name) <= 512 for name in [*found.needed, *found.library_paths])


def test_libraries_without_number_are_cut_and_said(small):
    content = bytearray(small)
    with image_in_memory(small) as image:
        dynamic = next(s for s in image.segments if s.kind == 2)
        start = next(position for position in range(0, len(small), 56) if small[64 + position] == 2) + 64
        names = image.dynamic_value(5)
    entries = struct.pack("<QQ", 1, 1) * 5000 + struct.pack("<QQ", 5, names) + struct.pack("<QQ", 10, 16) + bytes(16)
    content += bytes(-len(content) % 16)
    content[start : start + 56] = _SEGMENT.pack(2, 6, len(content), dynamic.address, 0, len(entries), len(entries), 8)
    content += entries

    found = read(content)

    assert len(found.needed) == 256
    assert found.partial == ["not all needed libraries are listed: too many"]


@pytest.mark.parametrize(
    "value",
    [None, [], 3, "x", {"needed": 3}, {"needed": [3]}, {"imports": {"file": "x"}}, {"raw_syscalls": True},
     {"partial": ["x" * 5000]}, {"entropy": {"a": "b"}}, {"unknown": 1}, {"stripped": 1}],
)  # fmt: skip
def test_what_is_no_dossier_reads_as_an_empty_one(value):
    assert dossier_from_json(value) == Dossier()
