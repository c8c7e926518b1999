"""Address spaces: later mappings hide earlier ones; files are one object however often they are mapped."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.target import address_space
from pyxhon.target.address_space import AddressSpace, Mapped, NativeObject, NativeObjects, classify, read_address_space
from pyxhon.target.images import FileIdentity, Images
from pyxhon.target.native_code import NativeCode, OpenTables

_SLEEP = shutil.which("sleep")
_PAGE = 4096


@dataclass
class Record:
    address: int = 0x1000
    length: int = 0x1000
    file_offset: int = 0
    device: str = "8:1"
    inode: int = 7
    generation: int = 0
    path: str = "/lib/one.so"
    descriptor: int | None = None


def _open_descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _object(name="one"):
    return NativeObject(name, "file")


def test_an_address_belongs_to_the_mapping_around_it():
    space = AddressSpace()
    mapped = Mapped(0x1000, 0x3000, 0x500, _object())
    space.add(mapped)

    assert space.find(0x1000) is mapped
    assert space.find(0x2FFF) is mapped
    assert (space.find(0xFFF), space.find(0x3000)) == (None, None)
    assert mapped.offset_of(0x1010) == 0x510


def test_a_later_mapping_splits_what_it_overlaps():
    space = AddressSpace()
    one, other = _object(), _object("other")
    space.add(Mapped(0x1000, 0x9000, 0, one))
    space.add(Mapped(0x3000, 0x4000, 0, other))

    assert space.mappings == (
        Mapped(0x1000, 0x3000, 0, one),
        Mapped(0x3000, 0x4000, 0, other),
        Mapped(0x4000, 0x9000, 0x3000, one),
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=30))
def test_each_page_belongs_to_its_latest_mapping(ranges):
    space, truth = AddressSpace(), {}
    for index, (start, size) in enumerate(ranges):
        owner = _object(str(index))
        space.add(Mapped(start * _PAGE, (start + size) * _PAGE, 0, owner))
        truth.update({page: (owner, (page - start) * _PAGE) for page in range(start, start + size)})

    for page in range(50):
        mapped = space.find(page * _PAGE + 5)
        found = None if mapped is None else (mapped.object, mapped.offset_of(page * _PAGE))
        assert found == truth.get(page)
    assert all(one.end <= other.start for one, other in zip(space.mappings, space.mappings[1:], strict=False))


def test_a_copy_goes_its_own_way():
    space = AddressSpace()
    space.add(Mapped(0x1000, 0x2000, 0, _object()))
    child = space.copy()
    child.add(Mapped(0x1000, 0x2000, 0, _object("other")))

    assert (space.find(0x1000).object.path, child.find(0x1000).object.path) == ("one", "other")


def test_what_was_remembered_goes_when_it_is_hidden_and_stays_when_repeated():
    space = AddressSpace()
    mapped = Mapped(0x1000, 0x2000, 0, _object())
    space.add(mapped)
    space.remembered[0x1100] = "known"

    space.add(mapped)
    space.add(Mapped(0x5000, 0x6000, 0, mapped.object))
    assert space.remembered == {0x1100: "known"}
    space.add(Mapped(0x1800, 0x1900, 0, _object("other")))
    assert space.remembered == {}


def test_mappings_without_end_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(address_space, "MAX_MAPPINGS", 10)
    space = AddressSpace()
    for index in range(15):
        space.add(Mapped(index * _PAGE, (index + 1) * _PAGE, 0, _object(str(index))))

    assert (len(space), space.dropped) == (10, 5)


@pytest.mark.parametrize(
    "path, inode, expected",
    [
        ("/lib/x.so", 5, ("file", "/lib/x.so")),
        ("/lib/x.so (deleted)", 5, ("file", "/lib/x.so")),
        ("/memfd:secret (deleted)", 5, ("memfd", "memfd:secret")),
        ("[vdso]", 0, ("vdso", "[vdso]")),
        ("//anon", 0, ("anonymous", "//anon")),
        ("[heap]", 0, ("anonymous", "[heap]")),
        ("/dev/zero (deleted)", 5, ("anonymous", "/dev/zero")),
        ("", 0, ("anonymous", "")),
    ],
)
def test_a_mapping_is_classified_by_the_kernels_name(path, inode, expected):
    assert classify(path, inode) == expected


def test_one_file_is_one_object_and_its_descriptor_is_needed_once():
    with Images() as images:
        objects = NativeObjects(images)
        first = objects.mapped(Record(descriptor=os.open(_SLEEP, os.O_RDONLY)))
        again = objects.mapped(Record(address=0x9000))

        assert first.object is again.object
        assert first.object.identity == FileIdentity("8:1", 7)
        assert first.object.image.build_id


def test_a_file_that_is_pinned_later_gets_its_code_later():
    with Images() as images:
        objects = NativeObjects(images)
        first = objects.mapped(Record())
        assert first.object.code is None
        objects.mapped(Record(descriptor=os.open(_SLEEP, os.O_RDONLY)))

        assert first.object.code is not None


def test_a_second_descriptor_of_a_file_is_closed():
    before = _open_descriptors()
    with Images() as images:
        objects = NativeObjects(images)
        for _ in range(5):
            objects.mapped(Record(descriptor=os.open(_SLEEP, os.O_RDONLY)))
        held = _open_descriptors()

    assert held == before + 1
    assert _open_descriptors() == before


@pytest.mark.parametrize("path", ["//anon", "[vdso]", "/lib/no-elf"])
def test_a_descriptor_that_gives_no_image_is_closed(path, tmp_path):
    (tmp_path / "text").write_text("no ELF file")
    with Images() as images:
        images.vdso()
        before = _open_descriptors()
        descriptor = os.open(tmp_path / "text", os.O_RDONLY)
        NativeObjects(images).mapped(Record(path=path, descriptor=descriptor))

        assert _open_descriptors() == before


def _copies(folder, count):
    for index in range(count):
        shutil.copy(_SLEEP, folder / f"copy{index}")
        yield folder / f"copy{index}"


def test_open_descriptors_are_bounded_and_files_are_opened_again(tmp_path):
    before = _open_descriptors()
    with Images(limit=4) as images:
        codes = [images.adopt(os.open(path, os.O_RDONLY), str(path)) for path in _copies(tmp_path, 12)]

        assert _open_descriptors() <= before + 4
        assert {code.image.read_file(0, 4) for code in codes} == {b"\x7fELF"}
        assert _open_descriptors() <= before + 4
    assert _open_descriptors() == before


def test_unlinked_files_keep_their_descriptors(tmp_path):
    with Images(limit=3) as images:
        codes = []
        for path in _copies(tmp_path, 5):
            codes.append(images.adopt(os.open(path, os.O_RDONLY), str(path)))
            path.unlink()

        assert [code is not None and code.image.read_file(0, 4) == b"\x7fELF" for code in codes] == [True] * 3 + [
            False
        ] * 2
        assert images.refused == 2


def test_a_file_replaced_meanwhile_is_not_opened_in_its_place(tmp_path):
    with Images(limit=1) as images:
        first, second = _copies(tmp_path, 2)
        code = images.adopt(os.open(first, os.O_RDONLY), str(first))
        images.adopt(os.open(second, os.O_RDONLY), str(second))
        first.unlink()
        shutil.copy(_SLEEP, first)

        assert code.image.read_file(0, 4) is None


def test_a_file_changed_in_place_is_another_image(tmp_path):
    path = next(_copies(tmp_path, 1))
    with Images() as images:
        code = images.adopt(os.open(path, os.O_RDONLY), str(path))
        with path.open("ab") as file:
            file.write(b"more")

        assert images.adopt(os.open(path, os.O_RDONLY), str(path)) is not code


def test_our_own_address_space_is_that_of_proc():
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    expected = {int(fields[0].split("-")[0], 16) for fields in lines if "x" in fields[1]}
    with Images() as images:
        space = read_address_space(os.getpid(), NativeObjects(images))

        assert {mapped.start for mapped in space.mappings} == expected
        assert all(m.object.image is not None for m in space.mappings if m.object.kind in ("file", "vdso"))


def test_tables_in_memory_are_bounded_and_read_again_when_needed(tmp_path):
    tables = OpenTables(limit_bytes=1)
    with Images() as images:
        codes = []
        for path in _copies(tmp_path, 4):
            image = images.adopt(os.open(path, os.O_RDONLY), str(path)).image
            codes.append(NativeCode(image, tables=tables))
        starts = list(codes[0].image.function_starts)[20:60]

        steps = [[code.step(start + 4, is_exact=False) for code in codes] for start in starts]

        assert all(same.count(same[0]) == len(codes) for same in steps)
        assert sum(code.table_bytes > 0 for code in codes) == 1
