"""The mapping timeline: every way in which memory becomes executable, seen with its file and its time."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyxhon.bpf.mappings import MappingReader, read_address_space
from pyxhon.errors import KernelError
from pyxhon.target.mapped_files import FilePins
from tests.interpreters import CHECKOUT, Interpreter
from tests.targets import running

pytestmark = pytest.mark.usefixtures("needs_bpf")

HERE = Interpreter(sys.executable, sys.version_info[:3])
PAGE = 4096
OVERLAY = """
mount -t tmpfs pyxhon "$1" && cd "$1" && mkdir low high merged || exit 1
mount -t tmpfs low low && mount -t tmpfs high high && mkdir high/upper high/work && cp /bin/true low/program || exit 1
mount -t overlay pyxhon -o lowerdir=low,upperdir=high/upper,workdir=high/work merged || exit 1
exec "$2" -c "$3" merged/program
"""
MAP_AND_PIN = """
import mmap, os, sys
from pyxhon.target.mapped_files import FilePins, read_address_space
memory = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
[record] = [one for one in read_address_space(os.getpid(), FilePins(100)) if one.path.endswith("/program")]
status = os.stat(sys.argv[1])
print(record.device == f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}", record.descriptor is not None)
"""


def make_library(path, answer):
    source = f"int answer(void) {{ return {answer}; }}"
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-o", path, "-"], input=source.encode(), check=True)
    return path


@contextmanager
def watched(max_pins=1000):
    """Start the program, and a reader that pins what it maps from then on."""
    with (
        running(HERE, "maps_code.py") as target,
        MappingReader(lambda pid: pid == target.pid, max_pins) as reader,
    ):
        yield target, reader


def do(target, *words):
    target.tell(" ".join(map(str, words)))
    return target.hear()


def at(records, pid, address):
    return [one for one in records if one.pid == pid and one.address <= address < one.address + one.length]


def content_of(record):
    return os.pread(record.descriptor, 1 << 20, 0)


def test_a_library_unlinked_at_once_stays_readable(tmp_path):
    library = make_library(tmp_path / "gone.so", 1)
    content, inode = library.read_bytes(), library.stat().st_ino

    with watched() as (target, reader):
        address = int(do(target, "load_and_unlink", library))
        [record] = at(reader.read(), target.pid, address)

        assert (record.path, record.inode) == (str(library), inode)
        assert content_of(record) == content


def test_an_executed_memfd_is_readable():
    with watched() as (target, reader):
        address = int(do(target, "execute_memfd", "planted-content"))
        [record] = at(reader.read(), target.pid, address)

        assert record.path == "/memfd:planted (deleted)"
        assert content_of(record).startswith(b"planted-content")


def test_a_file_made_executable_by_mprotect_is_seen(tmp_path):
    library = make_library(tmp_path / "late.so", 1)

    with watched() as (target, reader):
        address = int(do(target, "protect_file", library))
        [record] = at(reader.read(), target.pid, address)

        assert (record.path, record.protection, record.file_offset) == (str(library), 5, 0)
        assert content_of(record) == library.read_bytes()


def test_anonymous_memory_made_executable_is_seen():
    with watched() as (target, reader):
        address = int(do(target, "protect_anonymous"))
        [record] = at(reader.read(), target.pid, address)

        assert (record.path, record.inode, record.identity, record.descriptor) == ("//anon", 0, None, None)


def test_two_libraries_at_one_address_are_told_apart_by_time(tmp_path):
    first, second = (make_library(tmp_path / f"{name}.so", 1) for name in ("first", "second"))

    with watched() as (target, reader):
        address = int(do(target, "load_one_after_another", first, second))
        records = at(reader.read(), target.pid, address)

        assert [record.path for record in records] == [str(first), str(second)]
        assert records[0].time_ns < records[1].time_ns


def test_none_of_300_children_of_a_millisecond_is_missing(tmp_path):
    names = {str(tmp_path / str(index)): f"content {index}".ljust(PAGE).encode() for index in range(300)}
    for name, content in names.items():
        Path(name).write_bytes(content)

    with watched() as (target, reader):
        pids = [int(pid) for pid in do(target, "short_lives", tmp_path, 300).split()]
        records = [record for record in reader.read() if record.path in names]

        assert [record.pid for record in records] == pids
        assert [record.path for record in records] == list(names)
        pinned = [record for record in records if record.descriptor is not None]
        assert all(content_of(record) == names[record.path] for record in pinned)
        assert pinned
        assert len(pinned) + reader.pins.failed_count >= 300
        assert reader.lost == 0


def test_a_child_inherits_and_records_nothing():
    with watched() as (target, reader):
        child = int(do(target, "inherit"))

        assert [record for record in reader.read() if record.pid == child] == []
        inherited = [(one.address, one.length, one.device, one.inode) for one in read_address_space(child)]
        own = [(one.address, one.length, one.device, one.inode) for one in read_address_space(target.pid)]
        assert inherited == own


def test_an_execve_begins_an_image_with_the_program_and_its_loader():
    with watched() as (target, reader):
        child = int(do(target, "execute", "/bin/true"))
        records = [record for record in reader.read() if record.pid == child]

        assert [record.is_first_of_image for record in records] == [True] + [False] * (len(records) - 1)
        true = Path("/bin/true").stat()
        assert (true.st_ino, f"{os.major(true.st_dev)}:{os.minor(true.st_dev)}") == (
            records[0].inode,
            records[0].device,
        )
        assert any(record.path == "[vdso]" for record in records)
        assert all(record.descriptor is not None for record in records if record.inode)


def test_what_is_recorded_equals_what_proc_says(tmp_path):
    library = make_library(tmp_path / "both.so", 1)

    with watched() as (target, reader):
        address = int(do(target, "protect_file", library))
        [recorded] = at(reader.read(), target.pid, address)
        [told] = at(reader.read_address_space(target.pid), target.pid, address)

        for field in ("address", "length", "file_offset", "device", "inode", "protection", "flags", "path"):
            assert getattr(told, field) == getattr(recorded, field), field
        assert content_of(told) == library.read_bytes()


def test_one_file_is_opened_once(tmp_path):
    library = make_library(tmp_path / "twice.so", 1)

    with watched() as (target, reader):
        addresses = [int(do(target, "protect_file", library)) for _ in range(2)]
        records = reader.read()
        first, second = (at(records, target.pid, address)[0] for address in addresses)

        assert first.descriptor is not None
        assert second.descriptor is None
        assert first.identity == second.identity


def test_descriptors_are_bounded_and_the_excess_is_counted():
    with watched(max_pins=1) as (target, reader):
        addresses = [int(do(target, "execute_memfd", word)) for word in ("one", "two")]
        records = reader.read()
        first, second = (at(records, target.pid, address)[0] for address in addresses)

        assert first.descriptor is not None
        assert (second.descriptor, reader.pins.excess_count) == (None, 1)


def test_other_processes_are_left_out():
    with running(HERE, "maps_code.py") as target, MappingReader(lambda _pid: False) as reader:
        do(target, "execute_memfd", "x")

        assert reader.read() == []


def test_another_file_of_the_same_name_is_not_taken(tmp_path):
    library = make_library(tmp_path / "swapped.so", 1)
    pins = FilePins(10)
    with running(HERE, "maps_code.py") as target:
        address = int(do(target, "protect_file", library))
        [record] = at(read_address_space(target.pid), target.pid, address)
        target.finish()
        library.rename(tmp_path / "moved.so")
        make_library(tmp_path / "swapped.so", 2)

        assert (pins.pin(record), pins.failed_count) == (None, 1)


def test_a_file_of_a_process_that_has_ended_is_found_by_its_name(tmp_path):
    library = make_library(tmp_path / "left.so", 1)
    pins = FilePins(10)
    with running(HERE, "maps_code.py") as target:
        address = int(do(target, "protect_file", library))
        [record] = at(read_address_space(target.pid), target.pid, address)
        target.finish()
        target.process.wait()

        assert os.pread(pins.pin(record), 1 << 20, 0) == library.read_bytes()


def test_files_that_nobody_took_are_closed():
    before = set(Path("/proc/self/fd").iterdir())
    with watched() as (target, _reader):
        do(target, "execute_memfd", "x")

    assert set(Path("/proc/self/fd").iterdir()) == before


def test_a_file_system_that_tells_two_device_numbers_is_understood(tmp_path):
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", OVERLAY, "sh"]

    done = subprocess.run(
        [*command, tmp_path, sys.executable, MAP_AND_PIN], capture_output=True, text=True, check=True, timeout=60,
        env={"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]},
    )  # fmt: skip

    assert done.stdout.split() == ["False", "True"]


def test_pids_are_those_of_our_namespace():
    script = """
import os, subprocess
from pyxhon.bpf.mappings import MappingReader
with MappingReader(lambda pid: True) as reader:
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    print(os.getpid(), child.pid in {record.pid for record in reader.read()})
"""
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c", script]

    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert said.split() == ["1", "True"]


def test_a_refusal_is_one_line_with_a_remedy():
    script = """
from pyxhon.bpf.mappings import MappingReader
try:
    MappingReader(lambda pid: True)
except Exception as error:
    print(type(error).__name__, error)
"""
    command = ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", sys.executable, "-c", script]

    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert said.startswith(f"{KernelError.__name__} the kernel refuses to record mappings")
    assert "run as root" in said


def test_a_flood_that_nobody_reads_is_bounded_and_counted():
    with watched() as (target, reader):
        do(target, "flood", 70_000)
        seen = [record for record in reader.read() if record.pid == target.pid]

        assert len(seen) <= 65_536
        assert len(seen) + reader.lost >= 70_000
