"""What cannot be done is one clear line and exit status 1: never a traceback, never a hang, nothing half done."""

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.cache import cache_directory
from tests.interpreters import Interpreter, every_python
from tests.kernel.commands import eventually, has_event, pyxhon, refusal, started, with_mounts
from tests.targets import PROGRAMS, running

pytestmark = pytest.mark.usefixtures("needs_bpf")

PYTHON = Interpreter(sys.executable, sys.version_info[:3])
NOBODY = Path("/proc/sys/kernel/pid_max").read_text().strip()  # the one pid that no process can have
WITHOUT_BPF = (sys.executable, str(PROGRAMS / "without_bpf.py"))
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
WITHOUT_BTF = with_mounts("mount -t tmpfs none /sys/kernel/btf")


@pytest.fixture(scope="module")
def target():
    with running(PYTHON, "idle.py") as idle:
        yield idle


def test_a_pid_that_is_not_there_is_told():
    assert refusal(pyxhon("attach", NOBODY)) == f"there is no process {NOBODY}; see `ps -e` for process ids"


def test_a_process_that_ended_and_is_not_yet_waited_for_is_told():
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert refusal(pyxhon("attach", process.pid)) == f"process {process.pid} ended"


def test_a_process_that_is_not_python_is_told():
    with subprocess.Popen(["sleep", "1000"]) as process:
        said = refusal(pyxhon("attach", process.pid))
        process.kill()

    assert re.fullmatch(rf"pid {process.pid} \(/\S+\) does not run CPython; give the pid of a Python process", said)


@every_python(min=(2, 7), max=(3, 7))
def test_a_python_that_is_too_old_is_named_with_its_version(python, tmp_path):
    version = ".".join(map(str, python.version))
    made = tmp_path / "made"

    with running(python, "idle.py") as old:
        attached = refusal(pyxhon("attach", old.pid))
    run = refusal(pyxhon("run", "--", *python.command("-c", f"open({str(made)!r}, 'w')")))

    for said in (attached, run):
        assert f" runs CPython {version}: PyXhon traces 3.8 to 3.15; " in said
    assert not made.exists()


@pytest.mark.parametrize(
    ("before", "what"),
    [
        pytest.param(("unshare", "--user"), "tracing needs root; run it with sudo", id="not root"),
        pytest.param((*WITHOUT_BPF, str(errno.ENOSYS)), "a kernel with CONFIG_BPF_SYSCALL is needed", id="no bpf"),
        pytest.param((*WITHOUT_BPF, str(errno.EPERM)), "needs root with CAP_BPF and CAP_PERFMON", id="bpf forbidden"),
        pytest.param(("unshare", "--user", "--map-root-user"), "needs root with CAP_BPF", id="root of a namespace"),
        pytest.param(WITHOUT_CAPABILITIES, "needs root with CAP_BPF and CAP_PERFMON", id="no capabilities"),
        pytest.param(WITHOUT_BTF, "this kernel has no /sys/kernel/btf/vmlinux; a kernel built with", id="no BTF"),
    ],
)
def test_what_the_machine_does_not_give_is_told_before_the_command_is_run(before, what, tmp_path):
    done = pyxhon("run", "--", "touch", tmp_path / "made", before=before)

    assert what in refusal(done)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("before", "what"),
    [
        pytest.param(("unshare", "--user"), "tracing needs root; run it with sudo", id="not root"),
        pytest.param((*WITHOUT_BPF, str(errno.ENOSYS)), "a kernel with CONFIG_BPF_SYSCALL is needed", id="no bpf"),
        pytest.param(WITHOUT_CAPABILITIES, "add --cap-add SYS_PTRACE", id="no capabilities"),
        pytest.param(WITHOUT_BTF, "this kernel has no /sys/kernel/btf/vmlinux", id="no BTF"),
    ],
)
def test_what_the_machine_does_not_give_is_told_to_who_attaches(before, what, target):
    assert what in refusal(pyxhon("attach", target.pid, before=before))


def test_a_process_that_may_not_be_read_is_not_called_something_else(target):
    before = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--")

    said = refusal(pyxhon("attach", target.pid, before=before))

    assert said.startswith(f"process {target.pid} may not be read (/proc/")
    assert said.endswith("add --cap-add SYS_PTRACE")


@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
def test_a_process_whose_interpreter_is_gone_from_the_disk_is_traced_all_the_same(is_replaced, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", sys.base_prefix)
    python = Path(shutil.copy(os.path.realpath(sys.executable), tmp_path / "python3"))
    trace = tmp_path / "t.pyxhon"
    with running(Interpreter(str(python), PYTHON.version), "opens.py") as target:
        python.unlink()
        if is_replaced:
            shutil.copy("/bin/true", python)
        monkeypatch.delenv("PYTHONHOME")

        with started("record", "-q", "-o", trace, target.pid) as tracer:
            eventually(lambda: ask(target, "/nonexistent/seen") and has_event(trace, "open", "/seen"), tracer)
            tracer.send_signal(signal.SIGINT)

    assert tracer.returncode == 0
    report = json.loads(pyxhon("report", trace, "--format", "json").stdout)
    mapped = hashlib.sha256(Path(os.path.realpath(sys.executable)).read_bytes()).hexdigest()
    assert [row["sha256"] for row in report["dlls"] if row["path"] == str(python)] == [mapped]


def ask(target, path):
    target.tell(path)
    return target.hear() == "done"


@pytest.fixture(params=["empty", "text", "cut in its header", "cut in its middle", "headers of nothing", "32 bits"])
def malformed(request, tmp_path):
    """A file named like an interpreter, executable, and not one."""
    whole = Path(os.path.realpath(sys.executable)).read_bytes()
    header = bytearray(whole[:64])
    header[32:64] = b"\xff" * 32  # e_phoff and what follows
    content = {
        "empty": b"",
        "text": b"not a program\n",
        "cut in its header": whole[:40],
        "cut in its middle": whole[: len(whole) // 2],
        "headers of nothing": bytes(header) + whole[64:],
        "32 bits": whole[:4] + b"\x01" + whole[5:],
    }[request.param]
    path = tmp_path / "python3"
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def test_a_malformed_interpreter_is_refused(malformed):
    assert str(malformed) in refusal(pyxhon("run", "--", malformed, "-c", "1"))


def test_the_doctor_examines_a_malformed_interpreter(malformed):
    done = pyxhon("doctor", malformed)

    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.decode().splitlines()[-1].startswith(f"NO  interpreter: {malformed} ")


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "no such command; give its path"), ("#!/nonexistent/python\n", "No such file or directory; if it is a")],
)
def test_a_command_that_cannot_be_run_is_told(content, what, tmp_path):
    command = tmp_path / "command"
    if content:
        command.write_text(content)
        command.chmod(0o755)

    assert refusal(pyxhon("run", "--", command)) == f"cannot run {command}: {what}" + (
        " script, check its first line" if content else ""
    )


def test_a_process_that_ends_during_attach_is_reported_as_what_it_is(tmp_path, monkeypatch):
    # The tracer waits for the kernel's offsets, which it has remembered in a file: here that is a fifo.
    cache, trace = tmp_path / "cache", tmp_path / "t.pyxhon"
    pyxhon("run", "--", "true")
    shutil.copytree(cache_directory(), cache, ignore=shutil.ignore_patterns("sites", ".*"))
    cache.chmod(0o700)
    [remembered] = cache.glob("btf-*.json")
    offsets = remembered.read_bytes()
    remembered.unlink()
    os.mkfifo(remembered)
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(cache))

    with running(PYTHON, "idle.py") as target:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with started("attach", target.pid, "-o", trace, **pipes) as tracer:
            eventually(lambda: trace.exists() and trace.stat().st_size > 0, tracer)  # so it has looked at the process
            target.process.kill()
            target.process.wait()
            remembered.write_bytes(offsets)
            said, complained = tracer.communicate()

    done = subprocess.CompletedProcess(tracer.args, tracer.returncode, said, complained)
    assert refusal(done) == f"process {target.pid} ended while PyXhon attached to it"


def test_an_invalid_policy_is_refused_before_the_command_is_run(tmp_path):
    policy, made = tmp_path / "policy.yaml", tmp_path / "made"
    policy.write_text("version: 1\npackages:\n  numpy:\n    alow: [file]\n")

    said = refusal(pyxhon("run", "--policy", policy, "--", "touch", made))

    assert said == f"unknown key 'alow' at {policy}:4:5; did you mean 'allow'?"
    assert not made.exists()
