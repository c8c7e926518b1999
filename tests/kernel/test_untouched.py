"""A target is left as it was, also when PyXhon is killed, and does and says the same while it is traced."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.target.elf import open_image
from pyxhon.target.markers import read_markers
from pyxhon.target.process import read_mappings, read_memory
from pyxhon.trace.reader import open_trace
from tests.interpreters import Interpreter
from tests.kernel.commands import eventually, has_event, pyxhon, started
from tests.targets import PROGRAMS, running

pytestmark = pytest.mark.usefixtures("needs_bpf")

VERSION = sys.version_info[:3]
SURROUNDINGS = PROGRAMS / "surroundings.py"


@pytest.fixture
def target(tmp_path, monkeypatch):
    """A program on copies of the interpreter and of the C library that nobody else runs: no other probes are there."""
    python = shutil.copy(Path(sys.executable).resolve(), tmp_path)
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for path in c_libraries():
        shutil.copy(path, libraries)
    monkeypatch.setenv("PYTHONHOME", sys.base_prefix)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(libraries))
    with running(Interpreter(python, VERSION), "opens.py") as program:
        monkeypatch.undo()
        assert changed_bytes(program.pid) == {}
        yield program


def c_libraries():
    """Give the files of this process's C library."""
    names = {"libc", "libm", "libdl", "libpthread"}
    return {row.path for row in read_mappings(os.getpid()) if row.path and Path(row.path).name.split(".")[0] in names}


def changed_bytes(pid):
    """Give how many bytes of each file's executable pages in memory are not those of the file."""
    changed = {}
    for row in read_mappings(pid):
        if not row.is_executable or not row.inode:
            continue
        content = Path(f"/proc/{pid}/map_files/{row.start:x}-{row.end:x}").read_bytes()
        size = row.end - row.start
        from_file, in_memory = (
            content[row.offset : row.offset + size].ljust(size, b"\0"),
            read_memory(pid, row.start, size),
        )
        if from_file != in_memory:
            changed[Path(row.path).name] = sum(a != b for a, b in zip(from_file, in_memory, strict=True))
    return changed


def raised_semaphores(pid):
    """Give the markers of a process's interpreter whose semaphore is raised."""
    executable = str(Path(f"/proc/{pid}/exe").readlink())
    base = next(row.start for row in read_mappings(pid) if row.path == executable)
    with open_image(executable) as image:
        bias = base if image.is_position_independent else 0
        markers = [marker for marker in read_markers(image) if marker.semaphore]
    counts = {
        marker.name: read_memory(pid, bias + marker.semaphore, ctypes.sizeof(ctypes.c_ushort)) for marker in markers
    }
    return {name for name, count in counts.items() if count != b"\0\0"}


def ask(target, path):
    target.tell(path)
    return target.hear() == "done"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_trace_of_the_tracer_is_left_in_a_target(target, ending, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with started("record", "-q", "-o", trace, target.pid) as tracer:
        eventually(lambda: ask(target, "/nonexistent/seen") and has_event(trace, "open", "/seen"), tracer)
        probed, raised = changed_bytes(target.pid), raised_semaphores(target.pid)
        tracer.send_signal(ending)
        status = tracer.wait()

    eventually(lambda: changed_bytes(target.pid) == {})  # the kernel takes the probes out of a killed tracer's targets
    assert probed, "the check would not have seen a probe"
    assert raised | raised_semaphores(target.pid) == set()
    assert status == (-9 if ending == signal.SIGKILL else 0)
    assert ask(target, "/nonexistent/after")
    target.finish()
    assert target.process.wait() == 0
    assert not has_event(trace, "open", "/after")


def test_a_killed_tracer_leaves_a_trace_that_can_be_reported(target, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with started("record", "-q", "-o", trace, target.pid) as tracer:
        eventually(lambda: ask(target, "/nonexistent/seen") and has_event(trace, "open", "/seen"), tracer)
        tracer.kill()

    with open_trace(trace) as reader:
        reader.check()
    report = pyxhon("report", trace)
    assert report.returncode == 4, report.stderr  # nobody knows what was not yet written
    assert b"open path=/nonexistent/seen" in report.stdout


def test_a_tracer_killed_before_the_first_event_leaves_a_trace_that_can_be_reported(target, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with started("record", "-q", "-o", trace, target.pid) as tracer:
        eventually(lambda: changed_bytes(target.pid), tracer)
        tracer.kill()

    report = pyxhon("report", trace)
    assert report.returncode == 4, report.stderr


@pytest.mark.parametrize("ending", ["3", "raise", "SIGSEGV"])
def test_a_program_is_given_says_and_ends_the_same_with_and_without_tracing(ending, tmp_path):
    command = [sys.executable, str(SURROUNDINGS), ending, "\x1b[31m", "\u202e"]
    how = {"input": b"this goes to standard input\n", "capture_output": True, "cwd": tmp_path}
    bare = subprocess.run(command, check=False, **how)

    traced = traced_run(tmp_path, command, how["input"])

    assert traced.stdout == bare.stdout
    assert traced.stderr == bare.stderr
    assert traced.returncode == (bare.returncode if bare.returncode >= 0 else 128 - bare.returncode)
    assert b"this goes to standard input" in traced.stdout


def traced_run(folder, command, text):
    options = ["-q", "--exit-code", "command", "--report", folder / "report"]
    return pyxhon("run", *options, "--", *command, stdin=None, input=text, cwd=folder)


@pytest.mark.parametrize("ignored", ["HUP", "INT"])
def test_a_signal_that_is_ignored_stays_so_for_the_tracer_and_its_command(ignored, tmp_path):
    # As nohup(1) and shells do it for what runs in the background.
    trace, before = tmp_path / "t.pyxhon", ("sh", "-c", f'trap "" {ignored}; exec "$@"', "sh")
    program = f"import os, signal; number = signal.SIG{ignored}; os.kill(os.getppid(), number)"
    program += "; print(signal.getsignal(number) == signal.SIG_IGN, flush=True); open('/nonexistent/still-here')"

    done = pyxhon("record", "-q", "-o", trace, "--", sys.executable, "-c", program, before=before)

    assert (done.returncode, done.stdout) == (0, b"True\n")
    assert has_event(trace, "open", "still-here")


@pytest.mark.parametrize("options", [(), ("--no-follow",)])
def test_only_without_following_children_another_process_of_the_interpreter_has_no_probe(target, options, tmp_path):
    executable = str(Path(f"/proc/{target.pid}/exe").readlink())
    with subprocess.Popen([executable, "-c", "input()"], env=environment_of(target), stdin=subprocess.PIPE) as other:
        eventually(
            lambda: "python" in str(Path(f"/proc/{other.pid}/exe").readlink()) and changed_bytes(other.pid) == {}
        )

        trace = tmp_path / "t.pyxhon"
        with started("record", "-q", *options, "-o", trace, target.pid) as tracer:
            eventually(lambda: ask(target, "/nonexistent/seen") and has_event(trace, "open", "/seen"), tracer)
            is_probed = changed_bytes(other.pid) != {}
            tracer.send_signal(signal.SIGINT)
            tracer.wait()

        assert is_probed == (not options)
        other.communicate(b"\n")


def environment_of(target):
    """Give the environment that a process was started in."""
    content = Path(f"/proc/{target.pid}/environ").read_bytes()
    return dict(entry.split(b"=", 1) for entry in content.split(b"\0") if b"=" in entry)
