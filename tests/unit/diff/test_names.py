import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.diff.names import TEXT_LIMIT, fold, fold_loosely

PIECES = [
    "/tmp/", "/var/tmp/", "/dev/shm/", "/proc/", "tmp", "abcd1234", "aB3dE6", "foo-", ".so", ".pyc.", "123", "-1.2",
    "/", ".dist-info", "python3.11", "cpython-311", "0x7fff1234", "127.0.0.1:", "40000", "<random>", "<hash>", "é",
    "\udc80",
    "0123456789abcdef", "12345678-1234-1234-1234-123456789abc", "fd/", "task/", ".", "_", "-", " ", "mp-", "random",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/proc/17/maps", "/proc/4711/maps"),
        ("/proc/17/task/18/stat", "/proc/19/task/20/stat"),
        ("/proc/self/fd/7", "/proc/self/fd/12"),
        ("/tmp/tmpabcd1234", "/tmp/tmpx_y_z_qq"),
        ("/tmp/tmpabcd1234/inner/file.txt", "/tmp/tmpzzzz9999/inner/file.txt"),
        ("/srv/scratch/tmpabcd1234.db", "/srv/scratch/tmpq0q0q0q0.db"),
        ("/tmp/report-a1b2c3d4.csv", "/tmp/report-zz99yy88.csv"),
        ("/tmp/sort3Xa9Bq", "/tmp/sortZ9y8X7"),
        ("/tmp/x.Ab3dE6", "/tmp/x.Zz9yX1"),
        ("/var/tmp/cache-0f3k2m1x", "/var/tmp/cache-q9w8e7r6"),
        ("/dev/shm/psm_0a1b2c3d", "/dev/shm/psm_deadbeef"),
        ("/tmp/pymp-abcdefgh/listener-a1", "/tmp/pymp-q_q_q_q_/listener-a1"),
        ("/srv/c1d2e3f4-0000-1111-2222-333344445555.json", "/srv/aaaaaaaa-bbbb-cccc-dddd-eeeeffff0000.json"),
        ("/srv/cache/" + "0123456789abcdef" * 2, "/srv/cache/" + "fedcba9876543210" * 2),
        ("/x/libscipy_openblas64_-ff651d7f.so", "/x/libscipy_openblas64_-0a1b2c3d.so"),
        ("/x/libgfortran-040039e1.so.5.0.0", "/x/libgfortran-91cc3cb1.so.5.0.0"),
        ("/x/__pycache__/m.cpython-311.pyc.140234", "/x/__pycache__/m.cpython-312.pyc.99"),
        ("/x/m.cpython-311-x86_64-linux-gnu.so", "/x/m.cpython-313t-x86_64-linux-gnu.so"),
        ("/x/lib/python3.11/numpy-1.2.dist-info/RECORD", "/x/lib/python3.12/numpy-2.0.1rc1.dist-info/RECORD"),
        ("/x/foo-1.0-py3.11.egg-info", "/x/foo-2.0-py3.12.egg-info"),
        ("/root/.pyenv/versions/3.11.7/bin", "/root/.pyenv/versions/3.12.1/bin"),
        ("User-Agent: Python-urllib/3.11\\x0d", "User-Agent: Python-urllib/3.12\\x0d"),
        ("127.0.0.1:40123", "127.0.0.1:55555"),
        ("GET / HTTP/1.1 Host: localhost:40123", "GET / HTTP/1.1 Host: localhost:61000"),
        ("[::1]:40123", "[::1]:33000"),
        ("<function f at 0x7f12a4c0>", "<function f at 0x55d2b4c8>"),
        ("pipe:[12345]", "pipe:[99]"),
        ("/srv/log-1764234234.txt", "/srv/log-1764239999.txt"),
        ("/srv/t1764234234", "/srv/t1764239999"),
    ],
)
def test_noise_is_folded(first, second):
    assert first != second
    assert fold(first) == fold(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/etc/passwd", "/etc/shadow"),
        ("/tmp/config", "/tmp/passwd"),
        ("/tmp/settings", "/tmp/password"),
        ("/proc/self/mem", "/proc/self/maps"),
        ("/proc/sys/kernel", "/proc/1/kernel"),
        ("10.0.0.1:40000", "10.0.0.1:40001"),
        ("127.0.0.1:8000", "127.0.0.1:8001"),
        ("evil.example:40000", "evil.example:50000"),
        ("/srv/v1/data", "/srv/v2/data"),
        ("/x/numpy-1.2.tar.gz", "/x/numpy-1.3.tar.gz"),
        ("/x/tmpdir", "/x/tmpfile"),
        ("/srv/2024/a", "/srv/2025/a"),
        ("0x10", "0x20"),
        ("a" * 5000 + "b", "a" * 5000 + "c"),
    ],
)
def test_what_is_no_noise_is_kept_apart(first, second):
    assert fold(first) != fold(second)


def test_a_name_that_looks_like_a_word_is_only_loosely_a_random_one():
    assert fold("/tmp/foo-abcdwxyz") == "/tmp/foo-abcdwxyz"
    assert fold_loosely("/tmp/foo-abcdwxyz") == fold("/tmp/foo-kq3m_a8c") == "/tmp/foo-<random>"


@given(TEXTS)
def test_folding_twice_is_folding_once(text):
    once = fold(text)

    assert fold(once) == once
    assert fold_loosely(fold_loosely(text)) == fold_loosely(text)


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
def test_any_text_is_folded_to_text_that_utf8_can_carry(text):
    assert len(fold(text).encode()) >= 0


@pytest.mark.parametrize(
    "text",
    [
        "-1" * 4000,
        "/tmp/" + "a1" * 5000,
        "0" * 9000 + "x",
        "tmp" * 4000,
        "/proc/" * 2000,
        "a-" * 5000,
        "127.0.0.1:" * 900,
    ],
)
def test_hostile_text_is_folded_in_no_time(text):
    start = time.process_time()
    folded = fold(text)
    fold_loosely(text)

    assert time.process_time() - start < 0.5
    assert len(folded) <= 3 * TEXT_LIMIT
