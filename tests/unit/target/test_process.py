"""What /proc says of a process, and what is made of its odd moments."""

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pyxhon.errors import TargetError
from pyxhon.target import process

_OWN = os.getpid()
_WAIT = "import sys; print(flush=True); sys.stdin.read()"


def _ended_pid() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_mappings_hold_the_interpreter():
    executable = os.path.realpath(sys.executable)

    code = [m for m in process.read_mappings(_OWN) if m.path == executable and m.is_executable]

    assert code
    assert code[0].inode == Path(executable).stat().st_ino


@pytest.mark.parametrize(
    ("line", "path", "is_deleted"),
    [
        (rb"1000-2000 r-xp 00001000 fd:01 77 /a/b", "/a/b", False),
        (rb"1000-2000 r-xp 00001000 fd:01 77 /a\040b (deleted)", "/a b", True),
        (rb"1000-2000 r-xp 00001000 fd:01 77 /a\012b\134", "/a\nb\\", False),
        (rb"1000-2000 rw-p 00000000 00:00 0 [heap]", "[heap]", False),
        (b"1000-2000 r-xp 00000000 fd:01 77 /\xff", "/\udcff", False),
        (rb"1000-2000 rw-p 00000000 00:00 0", None, False),
    ],
)
def test_a_line_of_maps_is_parsed(line, path, is_deleted):
    mapping = process.parse_mapping(line)

    assert (mapping.start, mapping.end) == (0x1000, 0x2000)
    assert (mapping.path, mapping.is_deleted) == (path, is_deleted)


@pytest.mark.parametrize("line", [b"", b"1000-", b"1000-2000 r-xp", b"x-y r-xp 0 0:0 0 /a", b"1-2 r-xp 0 0:0 z /a"])
def test_a_broken_line_of_maps_is_left_out(line):
    assert process.parse_mapping(line) is None


def test_paths_of_a_chrooted_process_are_its_own():
    mapping = process.parse_mapping(b"1-2 r-xp 0 0:0 1 /jail/lib/x.so", "/jail")

    assert mapping.path == "/lib/x.so"


def test_memory_is_read_whole_or_not_at_all():
    text = ctypes.create_string_buffer(b"PyXhon", 16)
    address = ctypes.addressof(text)

    assert process.read_memory(_OWN, address, 16) == text.raw
    assert process.read_memory(_OWN, 8, 16) is None
    assert process.read_memory(_OWN, address, 0) is None
    assert process.read_memory(_OWN, address, process.MAX_READ_BYTES + 1) is None
    assert process.read_memory(_OWN, -1, 8) is None
    assert process.read_memory(_ended_pid(), address, 8) is None


def test_status_names_parent_and_threads():
    status = process.read_status(_OWN)

    assert status.pid == _OWN
    assert status.parent_pid == os.getppid()
    assert status.uid == os.getuid()
    assert _OWN in status.thread_ids


def test_arguments_keep_odd_bytes():
    arguments = ["-c", _WAIT, "", "a b", "\udcff\n"]
    with subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        read = process.read_arguments(child.pid)
        child.kill()

    assert read == [sys.executable, *arguments]


def test_arguments_are_bounded():
    arguments = ["-c", _WAIT, "x" * 100_000]
    with subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        read = process.read_arguments(child.pid)
        child.kill()

    assert sum(map(len, read)) <= 1 << 16


def test_start_times_do_not_go_back():
    with subprocess.Popen(["sleep", "60"]) as child:
        assert process.read_start_time(child.pid) >= process.read_start_time(_OWN)
        child.kill()


@pytest.mark.parametrize(
    "read", [process.read_mappings, process.read_status, process.find_process], ids=lambda read: read.__name__
)
def test_an_ended_process_is_an_error(read):
    with pytest.raises(TargetError):
        read(_ended_pid())


@pytest.mark.parametrize(
    ("read", "nothing"),
    [
        (process.read_arguments, []),
        (process.read_executable, None),
        (process.read_start_time, None),
        (process.read_working_directory, None),
        (process.read_thread_ids, ()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_ended_process_has_nothing_to_tell(read, nothing):
    assert read(_ended_pid()) == nothing


def test_a_thread_id_leads_to_its_process():
    inside, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (inside.set(), leave.wait()))
    thread.start()
    inside.wait()

    found = process.find_process(thread.native_id)

    leave.set()
    thread.join()
    assert found == _OWN


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_is_no_pid_is_refused(number):
    with pytest.raises(TargetError, match="is not a process id"):
        process.find_process(number)


def test_an_unknown_pid_is_refused():
    with pytest.raises(TargetError, match="there is no process 4194303"):
        process.find_process(4194303)


def _in_own_pid_namespace(number: int) -> subprocess.Popen:
    """Start a process that has this number inside a namespace of its own; it prints a line when it runs."""
    # A background job of sh has no standard input unless given another descriptor.
    job = "sh -c 'echo ready; read -r line' <&3 & wait"
    script = f"exec 3<&0; echo {number - 1} > /proc/sys/kernel/ns_last_pid; {job}"
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.fixture
def free_number() -> int:
    """Give a number that no process here has, and none will have soon."""
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())
    last = int(Path("/proc/sys/kernel/ns_last_pid").read_text())
    far = (last + highest // 2) % highest
    return next(n for n in range(max(far, 1000), highest) if not Path(f"/proc/{n}").exists())


def test_a_number_inside_a_container_leads_to_the_host_pid(free_number):
    with _in_own_pid_namespace(free_number) as child:
        found = process.find_process(free_number)
        numbers = process.read_status(found).namespace_pids
        child.kill()

    assert numbers == (found, free_number)


def test_an_ambiguous_number_lists_its_candidates(free_number):
    with _in_own_pid_namespace(free_number) as one, _in_own_pid_namespace(free_number) as other:
        with pytest.raises(TargetError, match="2 processes") as refusal:
            process.find_process(free_number)
        one.kill()
        other.kill()

    assert "one of:" in str(refusal.value)
