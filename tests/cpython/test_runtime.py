"""The interpreter of a live process, of every kind found, and of processes that have none to trace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.cpython.runtime import Runtime, find_runtime, find_runtime_in_file
from pyxhon.errors import ElfError, InterpreterError, TargetError
from pyxhon.target.elf import open_image
from pyxhon.target.process import read_memory
from tests.interpreters import every_python
from tests.targets import running

_IS_SHARED = "import sysconfig, sys; sys.stdout.write(str(sysconfig.get_config_var('Py_ENABLE_SHARED')))"


def _file_address(runtime: Runtime, name: str) -> int:
    with open_image(runtime.file_path) as image:
        return image.address_of(name)


@every_python()
def test_version_and_build_are_those_of_the_interpreter(python):
    with running(python, "idle.py") as target:
        runtime = find_runtime(target.pid)
    shared = subprocess.run(python.command("-c", _IS_SHARED), capture_output=True, text=True, check=True).stdout

    assert runtime.version == python.version
    assert runtime.build_id
    assert not runtime.is_free_threaded
    assert not runtime.is_debug
    assert not runtime.is_replaced
    if runtime.linkage == "shared":  # Debian's program is static although Debian also builds the library
        assert shared == "1"


@every_python()
def test_base_leads_from_the_file_to_memory(python):
    with running(python, "idle.py") as target:
        runtime = find_runtime(target.pid)
        with open_image(runtime.file_path) as image:
            start = image.address_of("Py_GetVersion")
            in_memory = read_memory(target.pid, runtime.base + start, 64)

            assert in_memory == image.read(start, 64)


@every_python()
def test_path_is_what_the_target_sees(python):
    with running(python, "idle.py") as target:
        runtime = find_runtime(target.pid)

        assert runtime.path.startswith(("/usr/bin/", str(Path("~/.pyenv/").expanduser())))
        assert Path(f"/proc/{target.pid}/root{runtime.path}").exists()
        status = Path(runtime.file_path).stat()

    assert (runtime.device, runtime.inode) == (status.st_dev, status.st_ino)


@every_python()
def test_a_file_gives_the_runtime_that_it_will_run(python):
    with running(python, "idle.py") as target:
        live = find_runtime(target.pid)
        root = "" if python.root == "/" else python.root

        future = find_runtime_in_file(root + python.path)

    assert future.base is None
    assert (future.version, future.build_id, future.linkage) == (live.version, live.build_id, live.linkage)


@every_python(min=(2, 7), max=(3, 7))
def test_an_old_python_is_refused_with_its_version(python):
    # It can run no program of ours: `pass` on standard input keeps even 2.7 waiting.
    with subprocess.Popen(python.command("-i"), stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stderr.read(1)  # the prompt: it runs

        with pytest.raises(InterpreterError) as refusal:
            find_runtime(process.pid)

        process.kill()
    version = ".".join(map(str, python.version))
    assert f"runs CPython {version}: PyXhon traces 3.8 to 3.15" in str(refusal.value)


def test_another_program_is_refused_by_its_name():
    with subprocess.Popen(["sleep", "60"]) as process:
        wait_for_exec(process.pid, "sleep")

        with pytest.raises(InterpreterError) as refusal:
            find_runtime(process.pid)

        process.kill()
    assert "sleep) does not run CPython" in str(refusal.value)


def test_a_kernel_thread_is_refused():
    with pytest.raises(InterpreterError, match="kernel thread"):
        find_runtime(2)


def test_an_ended_process_is_named_so():
    process = subprocess.Popen(["true"])
    process.wait()

    with pytest.raises(TargetError, match=f"process {process.pid} ended"):
        find_runtime(process.pid)


def test_a_zombie_is_an_ended_process():
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    with pytest.raises(TargetError, match=f"process {process.pid} ended"):
        find_runtime(process.pid)

    process.wait()


def test_an_embedder_of_any_name_is_found(tmp_path):
    server = _copy_interpreter(tmp_path / "server")

    with _waiting(server) as process:
        runtime = find_runtime(process.pid)
        process.kill()

    assert runtime.version == sys.version_info[:3]
    assert runtime.executable == str(server)


def test_a_deleted_interpreter_is_still_read(tmp_path):
    interpreter = _copy_interpreter(tmp_path / "python3")

    with _waiting(interpreter) as process:
        interpreter.unlink()
        runtime = find_runtime(process.pid)
        address = _file_address(runtime, "Py_Version")
        process.kill()

    assert runtime.is_replaced
    assert runtime.path == str(interpreter)
    assert address


def test_a_replaced_interpreter_is_not_taken_for_the_new_one(tmp_path):
    interpreter = _copy_interpreter(tmp_path / "python3")

    with _waiting(interpreter) as process:
        (tmp_path / "new").write_bytes(b"#!/bin/sh\n")
        (tmp_path / "new").rename(interpreter)
        runtime = find_runtime(process.pid)
        process.kill()

    assert runtime.is_replaced
    assert runtime.version == sys.version_info[:3]


def test_a_truncated_interpreter_is_refused(tmp_path):
    interpreter = _copy_interpreter(tmp_path / "python3")
    os.truncate(interpreter, 100_000)

    with pytest.raises(ElfError, match="is truncated"):
        find_runtime_in_file(str(interpreter))


@pytest.mark.parametrize("path", ["/dev/zero", "/nonexistent", "/etc/passwd"])
def test_a_file_that_is_no_program_is_refused(path):
    with pytest.raises(ElfError):
        find_runtime_in_file(path)


def test_a_program_without_python_is_refused():
    with pytest.raises(InterpreterError, match="is not a CPython interpreter"):
        find_runtime_in_file(shutil.which("sleep"))


def _copy_interpreter(path):
    """Copy our own interpreter, which is a static one on Debian."""
    shutil.copy(os.path.realpath(sys.executable), path)
    return path


def _waiting(interpreter):
    command = [interpreter, "-I", "-S", "-c", "import sys; print('ready', flush=True); sys.stdin.read()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def wait_for_exec(pid: int, name: str) -> None:
    """Wait until a started process runs its program: Popen returns at the exec, /proc may lag behind."""
    while Path(f"/proc/{pid}/exe").readlink().name != name:
        os.sched_yield()
