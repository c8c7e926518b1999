"""`pyxhon dump`: the stacks are those that Python, gdb and libdw tell, and the process is not touched."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyxhon.dump.model import NativeCall, PythonCall
from pyxhon.dump.taking import take_dump
from pyxhon.errors import TargetError
from tests.interpreters import Interpreter, every_python
from tests.kernel.commands import PYXHON
from tests.targets import running

pytestmark = pytest.mark.usefixtures("needs_bpf")

HERE = Interpreter(sys.executable, sys.version_info[:3])
KINDS = ("lock", "sleep", "receive", "poll", "callback", "generator")
_GDB = """
set pagination off
set sysroot %s
set debuginfod enabled off
set backtrace past-main on
set backtrace past-entry on
python
for thread in gdb.selected_inferior().threads():
    thread.switch()
    print("THREAD %d" % thread.ptid[1])
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            print("FRAME %x" % frame.pc())
        frame = frame.older()
end
"""


_ON_ANOTHER_STACK = """
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
static void on_signal(int number) { write(1, "\\n", 1); pause(); }
int main(void)
{
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	sigaltstack(&stack, 0);
	sigaction(SIGUSR1, &action, 0);
	return raise(SIGUSR1);
}
"""


@contextmanager
def waiting(python, *kinds):
    """Run the program until all its threads wait; gives it and the stacks that it told, by thread."""
    with running(python, "dumped.py", *kinds) as target:
        told = {int(tid): stack for tid, stack in json.loads(target.hear()).items()}
        while "busy" not in kinds and any(state_of(target.pid, tid) != "S" for tid in told):
            os.sched_yield()
        yield target, told


def facts_of(pid, tid, *names):
    text = Path(f"/proc/{pid}/task/{tid}/status").read_text()
    return tuple(re.search(rf"^{name}:\s*(\S+)", text, re.MULTILINE)[1] for name in names)


def state_of(pid, tid):
    return facts_of(pid, tid, "State")[0]


def python_part(thread):
    return [[one.file, one.function, one.line] for one in thread.frames if isinstance(one, PythonCall)]


def native_part(thread):
    return [one.address for one in thread.frames if isinstance(one, NativeCall)]


def gdb_stacks(pid, root, tmp_path):
    script = tmp_path / "script.gdb"
    script.write_text(_GDB.replace("%s", root, 1))
    command = ["gdb", "-nx", "-batch", "-p", str(pid), "-x", str(script)]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    stacks = {}
    for kind, value in re.findall(r"^(THREAD|FRAME) (\w+)$", said, re.MULTILINE):
        if kind == "THREAD":
            current = stacks[int(value)] = []
        else:
            current.append(int(value, 16))
    return stacks


@every_python()
def test_the_python_frames_are_those_that_python_tells(python):
    with waiting(python, *KINDS) as (target, told):
        dump = take_dump(target.pid)

    assert {thread.tid: python_part(thread) for thread in dump.threads} == told
    assert [thread.problem for thread in dump.threads] == [None] * len(told)
    assert not any(frame.is_guessed for thread in dump.threads for frame in thread.frames)
    assert dump.notes == ()


def check_native_frames(python, stacks_of):
    """Compare with the stacks that another unwinder gives for a process, by thread."""
    with waiting(python, *KINDS) as (target, told):
        dump = take_dump(target.pid)
        truth = stacks_of(target.pid)

    assert set(truth) == set(told)
    assert {thread.tid: native_part(thread) for thread in dump.threads} == truth


@every_python()
def test_the_native_frames_are_those_of_gdb(python, tmp_path):
    check_native_frames(python, lambda pid: gdb_stacks(pid, python.root, tmp_path))


@every_python()
def test_the_native_frames_are_those_of_libdw(python, accuracy):
    libdw_stacks = accuracy("libdw_stacks").libdw_stacks

    check_native_frames(python, lambda pid: {tid: stack.addresses for tid, stack in libdw_stacks(pid).items()})


@every_python()
def test_python_called_by_c_called_by_python_is_one_stack(python):
    with waiting(python, "callback") as (target, _):
        [thread] = take_dump(target.pid).threads[1:]

    names = [frame.function if isinstance(frame, PythonCall) else frame.symbol or "" for frame in thread.frames]
    wait, qsort, outer = (
        next(index for index, name in enumerate(names) if re.search(pattern, name))
        for pattern in (r"\bwait$", r"^qsort", r"^callback$")
    )
    assert wait < qsort < outer
    loops = [index for index, one in enumerate(thread.frames) if isinstance(one, NativeCall) and one.is_eval]
    assert all(isinstance(thread.frames[index + 1], PythonCall) for index in loops)
    assert len([index for index in loops if index < qsort]) >= 2  # sum() enters it for the generator, C for compare()


@every_python()
def test_an_inner_interpreter_is_above_the_one_that_runs_it(python):
    with waiting(python, "inner") as (target, told):
        dump = take_dump(target.pid)

    code = "<script>" if python.version >= (3, 14) else "<string>"
    of_main, of_thread = (told[thread.tid] for thread in dump.threads)
    assert python_part(dump.threads[0]) == of_main
    assert python_part(dump.threads[1]) == [[code, "wait", 2], [code, "<module>", 4], *of_thread]
    assert not any(frame.is_guessed for frame in dump.threads[1].frames)


@every_python()
def test_a_thread_that_always_runs_is_caught_where_it_is(python):
    with waiting(python, "busy") as (target, _):
        busy = take_dump(target.pid).threads[1]

    assert busy.is_stable
    assert busy.problem is None
    assert python_part(busy)[0][1] == "busy"
    assert native_part(busy)


def test_names_states_and_system_calls_are_told():
    with waiting(HERE, "receive") as (target, _):
        main, thread = take_dump(target.pid).threads

    assert (main.tid, main.state, main.system_call) == (target.pid, "sleeping", "read")
    assert (thread.state, thread.system_call) == ("sleeping", "recvfrom")
    assert main.name == facts_of(target.pid, target.pid, "Name")[0] if target.process.poll() is None else main.name


def test_no_thread_is_stopped_or_woken():
    counts = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches", "TracerPid")
    with waiting(HERE, *KINDS) as (target, told):
        before = {tid: facts_of(target.pid, tid, *counts) for tid in told}
        with subprocess.Popen([*PYXHON, "dump", str(target.pid)], stdout=subprocess.DEVNULL) as dumping:
            states = set()
            while dumping.poll() is None:
                states |= {state_of(target.pid, tid) for tid in told}
        after = {tid: facts_of(target.pid, tid, *counts) for tid in told}

    assert dumping.returncode == 0
    assert states == {"S"}
    assert after == before


def test_fifty_threads_take_well_under_a_second():
    with waiting(HERE, *["lock", "callback"] * 25) as (target, told):
        take_dump(target.pid)
        started = time.process_time()
        dump = take_dump(target.pid)
        spent = time.process_time() - started

    assert {thread.tid: python_part(thread) for thread in dump.threads} == told
    assert len(dump.threads) == 51
    assert spent < 0.5


def test_json_holds_every_frame():
    with waiting(HERE, "callback") as (target, told):
        command = [*PYXHON, "dump", str(target.pid), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)

    dump = json.loads(done.stdout)
    assert (dump["schema"], dump["pid"]) == ("pyxhon.dump/1", target.pid)
    assert dump["interpreter"]["version"] == ".".join(map(str, HERE.version))
    for thread in dump["threads"]:
        calls = [frame for frame in thread["frames"] if frame["kind"] == "python"]
        assert [[one["file"], one["function"], one["line"]] for one in calls] == told[thread["tid"]]
        assert any(frame["kind"] == "native" and frame["is_eval"] for frame in thread["frames"])


def test_text_has_a_block_for_each_thread():
    with waiting(HERE, "sleep", "callback") as (target, told):
        said = subprocess.run([*PYXHON, "dump", str(target.pid)], capture_output=True, text=True, check=True).stdout

    head, *blocks = said.split("\n\n")
    assert head.startswith(f"process {target.pid}: {HERE.path} ")
    assert [int(block.split()[1]) for block in blocks] == sorted(told)
    assert re.search(r"^ {6}qsort_r\+0x\w+ +libc\.so\.6$", blocks[2], re.MULTILINE)
    assert re.search(r"^  callback(\.<locals>)?.* +/.*/dumped\.py:\d+$", blocks[2], re.MULTILINE)


def test_a_process_without_python_shows_its_native_stacks():
    with subprocess.Popen(["sleep", "1000"]) as process:
        try:
            while (dump := take_dump(process.pid)).threads[0].system_call != "clock_nanosleep":
                pass
        finally:
            process.kill()

    assert dump.interpreter is None
    assert dump.notes[0].startswith("native frames only: ")
    assert dump.threads[0].frames[0].symbol == "clock_nanosleep"
    assert dump.threads[0].frames[-1].object == os.path.realpath(shutil.which("sleep"))
    assert dump.threads[0].problem is None


def test_a_signal_handler_on_its_own_stack_leads_to_what_it_interrupted(tmp_path):
    program = tmp_path / "program"
    subprocess.run(["gcc", "-O1", "-x", "c", "-o", program, "-"], input=_ON_ANOTHER_STACK, text=True, check=True)
    with subprocess.Popen([program], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            while (dump := take_dump(process.pid)).threads[0].system_call != "pause":
                pass
        finally:
            process.kill()

    names = [frame.symbol for frame in dump.threads[0].frames]
    assert [name for name in names if name in ("on_signal", "main", "_start")] == ["on_signal", "main", "_start"]
    assert dump.threads[0].problem is None


def test_a_child_after_fork_has_its_own_stack():
    program = (
        "import os\nif os.fork() == 0:\n    os.write(1, b'%d\\n' % os.getpid())\n    os.read(0, 1)\nelse: os.wait()"
    )
    with subprocess.Popen(
        [HERE.path, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        child = int(process.stdout.readline())
        while state_of(child, child) != "S":
            os.sched_yield()
        [thread] = take_dump(child).threads
        process.communicate("\n")

    assert python_part(thread) == [["<string>", "<module>", 4]]


def test_a_process_may_end_at_any_moment():
    outcomes = set()
    for delay in range(12):
        program = f"import time; print(flush=True); time.sleep({delay} / 200)"
        with subprocess.Popen([HERE.path, "-c", program], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            try:
                while True:
                    take_dump(process.pid)
                    outcomes.add("dumped")
            except TargetError as error:
                outcomes.add(str(error).replace(str(process.pid), "N"))

    assert outcomes <= {"dumped", "process N ended", "there is no process N"}


def test_threads_that_come_and_go_do_no_harm():
    program = (
        "import threading\nprint(flush=True)\n"
        "while True:\n threads = [threading.Thread(target=sum, args=(range(9999),)) for _ in range(8)]\n"
        " [thread.start() for thread in threads]\n [thread.join() for thread in threads]"
    )
    with subprocess.Popen([HERE.path, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            dumps = [take_dump(process.pid) for _ in range(20)]
        finally:
            process.kill()

    mains = [dump.threads[0] for dump in dumps]
    assert [thread.tid for thread in mains] == [process.pid] * 20
    assert all(python_part(thread)[-1][1] == "<module>" for thread in mains)
    assert {thread.problem for dump in dumps for thread in dump.threads if thread.is_stable} <= {None}


def test_names_cannot_steer_a_terminal():
    program = "import ctypes; ctypes.CDLL(None).prctl(15, b'\\x1b[31mred\\n'); print(flush=True); input()"
    with subprocess.Popen([HERE.path, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            command = [*PYXHON, "dump", str(process.pid)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        finally:
            process.kill()

    assert "\x1b" not in said
    assert f'thread {process.pid} "\\x1b[31mred\\n"' in said


def test_a_tracer_in_a_container_sees_its_own_numbers():
    script = """
import os, subprocess, sys
from pyxhon.dump.taking import take_dump
from pyxhon.errors import TargetError
with subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1) as child:
    child.stdout.readline()
    print(child.pid, *[thread.tid for thread in take_dump(child.pid).threads])
    child.kill()
"""
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c", script]

    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    pid, *tids = said.split()
    assert tids == [pid]
    assert int(pid) < 1000


@pytest.mark.parametrize("pid, words", [(4_000_000, "there is no process 4000000"), (2, "kernel thread")])
def test_what_cannot_be_dumped_is_said_in_one_line(pid, words):
    done = subprocess.run([*PYXHON, "dump", str(pid)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_root_the_remedy_is_told():
    with waiting(HERE) as (target, _):
        command = ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", *PYXHON, "dump", str(target.pid)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert "run as root" in done.stderr
    assert done.stderr.count("\n") == 1
