"""Hash, cache and budget around the dossier."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from pyxhon.dossier import examine as module
from pyxhon.dossier.budget import Allowance, Budget
from pyxhon.dossier.examine import examine, hash_file
from tests.unit.dossier.builds import SIX, Clock, build, examine_bytes, memory_file


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def content(tmp_path):
    return Path(build(tmp_path, "six", SIX)).read_bytes()


def forbid_looking(monkeypatch):
    def refuse(*_arguments):
        raise AssertionError("looked into the file")

    monkeypatch.setattr(module, "read_dossier", refuse)


def test_hash_and_build_id_are_the_files(content):
    examined = examine_bytes(content, Allowance())

    assert examined.sha256 == hashlib.sha256(content).hexdigest()
    assert len(examined.build_id) == 40


def test_the_second_time_the_cache_answers(content, monkeypatch):
    first = examine_bytes(content, Allowance())
    forbid_looking(monkeypatch)

    assert examine_bytes(content, Allowance()) == first


def test_the_cache_answers_when_no_time_is_left(content):
    first = examine_bytes(content, Allowance())

    assert examine_bytes(content, Allowance(seconds=0.0)) == first


def test_other_bytes_are_looked_at_anew(content):
    examine_bytes(content, Allowance())
    changed = content.replace(b"\x0f\x05", b"\x90\x90")

    assert examine_bytes(changed, Allowance()).dossier.raw_syscalls == 2


def test_what_is_not_whole_is_not_kept(content, cache):
    examined = examine_bytes(content[:-4000], Allowance())

    assert examined.dossier.partial
    assert not list(cache.glob("dossier-*"))


def test_old_entries_make_room_for_new_ones(content, cache, monkeypatch):
    monkeypatch.setattr(module, "_MAX_CACHED_FILES", 2)
    module._make_room.cache_clear()
    cache.mkdir(mode=0o700)
    for age in range(5):
        (cache / f"dossier-{age}").write_text("")
        os.utime(cache / f"dossier-{age}", ns=(10 - age, 10 - age))
    (cache / "sites").write_text("")

    examine_bytes(content, Allowance())

    assert {path.name for path in cache.iterdir()} > {"dossier-0", "dossier-1", "sites"}
    assert len(list(cache.iterdir())) == 4


def test_other_readers_have_another_cache(content, cache):
    examine_bytes(content, Allowance())
    (kept,) = cache.glob("dossier-*")
    kept.rename(kept.with_name(kept.name.replace(module._readers_digest(), "0" * 16)))

    examine_bytes(content, Allowance())

    assert len(list(cache.glob("dossier-*"))) == 2


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sha256": "0"}', "[" * 100_000])
def test_a_damaged_cache_is_no_answer(content, cache, text):
    examined = examine_bytes(content, Allowance())
    (kept,) = cache.glob("dossier-*")
    kept.write_text(text)

    assert examine_bytes(content, Allowance()) == examined


def test_a_cache_of_another_file_is_no_answer(content, cache):
    examined = examine_bytes(content, Allowance())
    (kept,) = cache.glob("dossier-*")
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"sha256": "0" * 64}))

    assert examine_bytes(content, Allowance()) == examined


def test_a_file_that_changes_after_it_was_hashed_gives_the_dossier_of_what_was_hashed(content, monkeypatch):
    descriptor = memory_file(content)
    honest = module._hash

    def change(source, copy, size):
        digest = honest(source, copy, size)
        os.pwrite(source, content.replace(b"\x0f\x05", b"\x90\x90"), 0)
        return digest

    monkeypatch.setattr(module, "_hash", change)

    examined = examine(descriptor, "file", Allowance())
    os.close(descriptor)

    assert (examined.sha256, examined.dossier.raw_syscalls) == (hashlib.sha256(content).hexdigest(), 6)


def test_what_is_too_large_to_copy_is_looked_at_and_not_kept(content, cache, monkeypatch):
    monkeypatch.setattr(module, "_MAX_COPY_BYTES", 1000)

    examined = examine_bytes(content, Allowance())

    assert (examined.sha256, examined.dossier.raw_syscalls) == (hashlib.sha256(content).hexdigest(), 6)
    assert not list(cache.glob("dossier-*"))


def test_without_time_there_are_hash_and_reason(content):
    examined = examine_bytes(content, Allowance(seconds=0.0))

    assert examined.sha256 == hashlib.sha256(content).hexdigest()
    assert len(examined.build_id) == 40
    assert examined.dossier.partial == ["not looked at: the time for all files was up"]
    assert examined.dossier.needed is None


def test_bytes_to_hash_are_shared_by_all_files(content):
    allowance = Allowance(size_bytes=len(content))

    first, second = examine_bytes(content, allowance), examine_bytes(content, allowance)

    assert first.sha256 is not None
    assert (second.sha256, second.dossier.partial) == (None, ["not looked at: too much to read"])


def test_any_file_can_be_hashed():
    descriptor = memory_file(b"no ELF file")

    assert hash_file(descriptor, Allowance()) == hashlib.sha256(b"no ELF file").hexdigest()
    assert hash_file(descriptor, Allowance(size_bytes=3)) is None
    os.close(descriptor)


def test_time_of_one_file_is_taken_off_that_of_all():
    allowance = Allowance(seconds=1.0)
    budget = Budget(1.0, Clock(0.4))

    allowance.end_file(budget)

    assert 0.5 < allowance._seconds < 0.7
    assert allowance.begin_file() is not None
    allowance.end_file(Budget(1.0, Clock(2.0)))
    assert allowance.begin_file() is None
