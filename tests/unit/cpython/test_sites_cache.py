"""The cache of sites: the same answer, never another file's, and nothing that its content can break."""

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from pyxhon.cpython import sites_cache
from pyxhon.cpython.runtime import read_version
from pyxhon.cpython.sites import find_sites
from pyxhon.cpython.sites_cache import find_sites_cached, sites_from_json, sites_to_json
from pyxhon.target.elf import open_image

_INTERPRETER = os.path.realpath(sys.executable)


@pytest.fixture(scope="module")
def image():
    with open_image(_INTERPRETER) as image:
        yield image


@pytest.fixture(scope="module")
def found(image):
    return find_sites(image, sys.version_info[:3], None)


def test_sites_survive_the_way_through_json(image, found):
    assert sites_from_json(sites_to_json(found), image) == found


def test_the_second_time_nothing_is_derived(image, found, tmp_path, monkeypatch):
    version = read_version(image)
    first = find_sites_cached(image, version, None, str(tmp_path))
    monkeypatch.setattr(sites_cache, "find_sites", lambda *_: pytest.fail("sites were derived again"))

    second = find_sites_cached(image, version, None, str(tmp_path))

    assert first == second == found


def test_a_file_with_a_borrowed_build_id_is_another_file(image, found, tmp_path):
    find_sites_cached(image, sys.version_info[:3], None, str(tmp_path / "cache"))
    copy = tmp_path / "copy"
    shutil.copy(_INTERPRETER, copy)
    with copy.open("r+b") as file:
        file.seek(image.file_offset(found.sites[0].function) + 64)
        file.write(b"\x90")

    with open_image(str(copy)) as other:
        assert other.build_id == image.build_id
        find_sites_cached(other, sys.version_info[:3], None, str(tmp_path / "cache"))

    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", "[" * 100_000, '{"sites": 1}', "\0", "9" * 10_000])
def test_damaged_content_is_ignored(image, content):
    assert sites_from_json(content, image) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sites", [["audit_funnel", 1, 1, 0, True, None]]),
        ("sites", [["other", 0x500000, 0x500000, 0, True, None]]),
        ("sites", [["import_result", 0x500000, 0x500000, 0, True, "xmm0"]]),
        ("sites", [["import", 0x500000, 0x500000, -8, True, None]]),
        ("sites", [["import", 0x500000, 5.5, 0, True, None]]),
        ("sites", [["import", 0x500000, 0x500000, 0, 1, None]]),
        ("sites", [[]]),
        ("symbols", {"_PyRuntime": "1"}),
        ("symbols", {"_PyRuntime": -1}),
        ("symbols", []),
        ("notes", ["\x1b[2J"]),
        ("notes", ["x" * 10_000]),
        ("tls_thread_state", True),
        ("tls_thread_state", 1 << 40),
        ("read_only_range", [0]),
    ],
)
def test_content_of_the_wrong_kind_is_ignored(image, found, field, value):
    content = json.loads(sites_to_json(found))
    content[field] = value

    assert sites_from_json(json.dumps(content), image) is None


def test_a_folder_that_others_may_write_is_not_used(image, tmp_path):
    tmp_path.chmod(0o777)

    find_sites_cached(image, sys.version_info[:3], None, str(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_a_link_in_place_of_the_folder_is_not_used(image, tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")

    find_sites_cached(image, sys.version_info[:3], None, str(tmp_path / "link"))

    assert list((tmp_path / "real").iterdir()) == []


def test_a_folder_that_cannot_be_made_costs_only_time(image, found):
    assert find_sites_cached(image, sys.version_info[:3], None, "/dev/null/cache") == found


def test_every_finder_counts_for_the_key():
    folder = Path(sites_cache.__file__).parent

    assert all((folder / f"{name}.py").exists() for name in sites_cache._FINDERS)


def test_all_fields_are_stored(found):
    fields = {field.name for field in dataclasses.fields(found)}
    assert set(json.loads(sites_to_json(found))) == fields
