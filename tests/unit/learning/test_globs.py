"""What differs between runs becomes a wildcard, everything else stays to the letter."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.learning.globs import escape_glob, vary, vary_temporary


@pytest.mark.parametrize(
    "name, glob, reason",
    [
        ("0f8fad5b-d9cb-469f-a165-70867728950e.json", "*.json", "unique name"),
        ("d41d8cd98f00b204e9800998ecf8427e", "*", "hash"),
        ("libz-0cf96a72.3.23.so", "libz-*.3.23.so", "hash"),
        ("tmpab12_cd9.txt", "tmp*.txt", "temporary name"),
        ("app-2026-11-27.log", "app-*.log", "date"),
        ("python3.11", "python3.*", "version"),
        ("python311.zip", "python3*.zip", "version"),
        ("numpy-1.26.4.dist-info", "numpy-*.dist-info", "version"),
        ("_x.cpython-311-x86_64-linux-gnu.so", "_x.cpython-*-x86_64-linux-gnu.so", "version"),
        ("3.11.7", "*", "version"),
        ("worker-4242.sock", "worker-*.sock", "process number"),
    ],
)
def test_a_part_that_differs_between_runs_is_left_open(name, glob, reason):
    found, reasons = vary(name, {"4242"})

    assert found == glob
    assert reason in reasons


@pytest.mark.parametrize(
    "name",
    ["libc.so.6", "settings.py", "utf8", "x86_64-linux-gnu", "report2.txt", "worker-4243.sock", "tmpfile", "core"],
)
def test_a_name_that_stays_the_same_is_kept(name):
    assert vary(name, {"4242"}) == (name, frozenset())


def test_any_number_may_be_a_process_in_a_folder_for_scratch_files():
    assert vary("worker-777.sock", set(), is_scratch=True)[0] == "worker-*.sock"


@pytest.mark.parametrize(
    "name, glob",
    [
        ("tmpab12_cd9", "tmp*"),
        ("tmpab12_cd9.tar.gz", "tmp*.tar.gz"),
        ("work-abcdefgh", "work-*"),
        ("work-abcdefgh.d", "work-*.d"),
        ("o8x2k1ab", "????????"),
        ("X", "*"),
        ("__jinja2-a61ac3e1c6c5fad8570e0e03160f74a3b0c1d2e3.cachee8lgt8qt.tmp", "__jinja2-*.cache*.tmp"),
    ],
)
def test_of_a_name_that_tempfile_made_only_the_random_part_is_left_open(name, glob):
    assert vary_temporary(name) == glob
    assert fnmatchcase(name, glob)


@given(st.text(max_size=30))
def test_an_escaped_name_matches_itself(name):
    assert fnmatchcase(name, escape_glob(name))
    assert escape_glob(name).isprintable()


@given(st.text(max_size=60) | st.from_regex(r"[a-f0-9.\-_]{1,40}", fullmatch=True), st.booleans())
def test_what_is_left_open_still_matches_the_name(name, is_scratch):
    assert fnmatchcase(name, vary(name, {"12"}, is_scratch=is_scratch)[0])
