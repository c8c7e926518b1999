"""What is remembered of a file's code is what would be learnt again; damaged or foreign memory is not used."""

import json
import os
import random
import shutil

import pytest

from pyxhon.cache import read_cached, write_cached
from pyxhon.target import steps_cache
from pyxhon.target.elf import image_of, open_image
from pyxhon.target.native_code import NativeCode
from pyxhon.target.steps_cache import load_steps, save_steps, steps_from_data, steps_to_data

_LIBC = "/lib/x86_64-linux-gnu/libc.so.6"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(steps_cache, "_WORTH", 0.0)
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _learnt(image, count=300):
    code = NativeCode(image)
    for start in random.Random(1).sample(list(image.function_starts), min(count, len(image.function_starts))):
        code.step(start + 5, is_exact=False)
        code.step(start, is_exact=True)
    return code


def _the_file(folder):
    (path,) = folder.glob("unwind-*")
    return path


def test_what_is_remembered_is_what_was_learnt(folder):
    with open_image(_LIBC) as image:
        code = _learnt(image)
        assert save_steps([code]) == 1
        again = NativeCode(image, load_steps)
        address, is_exact = next(iter(code.steps))
        again.step(address, is_exact=is_exact)

        assert again.steps == code.steps
        assert again.learnt == 0
    assert _the_file(folder).stat().st_mode & 0o777 == 0o600


def test_little_is_not_remembered(folder):
    with open_image(_LIBC) as image:
        assert save_steps([_learnt(image, 2)]) == 0


def test_what_is_learnt_sooner_than_checked_is_not_remembered(monkeypatch):
    monkeypatch.setattr(steps_cache, "_WORTH", 1e9)
    with open_image(_LIBC) as image:
        assert save_steps([_learnt(image)]) == 0


def test_a_file_with_a_borrowed_build_id_is_not_believed(tmp_path):
    with open_image(_LIBC) as image:
        save_steps([_learnt(image)])
        build_id, code = image.build_id, next(s for s in image.loads if s.is_executable)
        copy = tmp_path / "libc.so.6"
        shutil.copy(_LIBC, copy)
    with copy.open("r+b") as file:
        file.seek(code.offset + 4096)
        file.write(b"\x90" * 16)

    with open_image(str(copy)) as other:
        assert other.build_id == build_id
        assert load_steps(NativeCode(other)) == {}


def test_a_file_without_build_id_is_not_remembered(tmp_path):
    content = open_image(_LIBC)
    with content:
        data = content.read_file(0, content.size_bytes).replace(bytes.fromhex(content.build_id), bytes(20))
    descriptor = os.memfd_create("other")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data.replace(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", b"\x04\0\0\0\x14\0\0\0\x09\0\0\0GNU\0"))

    with image_of(descriptor, "other") as image:
        assert image.build_id is None
        assert save_steps([_learnt(image)]) == 0


def test_damaged_memory_is_not_used(folder):
    with open_image(_LIBC) as image:
        code = _learnt(image, 60)
        save_steps([code])
        name = _the_file(folder).name
        content = read_cached(name)
        chooser = random.Random(2)
        for _ in range(300):
            damaged = bytearray(content)
            damaged[chooser.randrange(len(damaged))] = chooser.choice(b'0129-"[]{},n\0\xff')
            write_cached(name, bytes(damaged[: chooser.choice([len(damaged), 100, 5000])]))
            load_steps(code)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["steps"].append([1, 0, 9999, 0, 0]),
        lambda data: data["steps"].append([-1, 0, 0, 0, 0]),
        lambda data: data["steps"].append([1, 0, 0, True, 0]),
        lambda data: data["steps"].append([1, 0]),
        lambda data: data["rows"].append([40, 8, "", [], 16, 0, 0]),
        lambda data: data["rows"].append([-1, 8, "", [], 16, 0, 0]),
        lambda data: data["rows"].append([7, 8, "", [[16, 2, 17, ""]], 16, 0, 0]),
        lambda data: data["rows"].append([7, 8, "", [[16, 9, 0, ""]], 16, 0, 0]),
        lambda data: data["rows"].append([7, 1 << 40, "", [], 16, 0, 0]),
        lambda data: data["rows"].append([7, 8, "zz", [], 16, 0, 0]),
        lambda data: data["symbols"].append(""),
        lambda data: data["symbols"].append(7),
    ],
)
def test_what_cannot_be_is_refused(change):
    with open_image(_LIBC) as image:
        data = json.loads(json.dumps(steps_to_data(_learnt(image, 20).steps)))
    change(data)

    with pytest.raises((ValueError, TypeError, IndexError)):
        steps_from_data(data)


def test_only_so_many_files_are_kept(folder, monkeypatch):
    monkeypatch.setattr(steps_cache, "_MAX_FILES", 3)
    for index in range(6):
        write_cached(f"unwind-{index}.json", b"{}")
        os.utime(folder / f"unwind-{index}.json", (index, index))
    with open_image(_LIBC) as image:
        save_steps([_learnt(image)])
        kept = {path.name for path in folder.glob("unwind-*")}

        assert kept == {f"unwind-{image.build_id}-{image.size_bytes:x}.json", "unwind-5.json", "unwind-4.json"}
