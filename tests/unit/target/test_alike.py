"""A program started as a process runs: confined, ended in time, and never believed further than a line."""

import errno
import os
import select
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from pyxhon.errors import TargetError
from pyxhon.target.alike import Program, started_alike
from tests.interpreters import CHECKOUT

PYTHON = os.path.realpath(sys.executable)
PLENTY_S = 60.0
SAY_LINE = "import posix, sys; posix.read(0, 64); posix.write(1, (lambda: {})().encode() + b'\\n'); posix.read(0, 64)"


def program(text, executable=PYTHON, **environment):
    return Program(None, executable, ("-s", "-S", "-B", "-c", text), environment)


def say(expression):
    """Give a program that answers with the value of an expression."""
    return program(SAY_LINE.format(expression))


def attempt(expression):
    """Give a program that answers with the error that an attempt leads to."""
    return program(
        f"import posix\nposix.read(0, 64)\ntry: said = {expression}\n"
        "except OSError as error: said = error.errno\nposix.write(1, str(said).encode() + b'\\n')\nposix.read(0, 64)"
    )


def ended(pidfd):
    """Wait until a process has ended; tell whether it has."""
    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    return bool(waiting.poll(PLENTY_S * 1000))


def test_it_answers_what_it_is_asked():
    with started_alike(say("'one'"), PLENTY_S) as process:
        assert process.ask("anything") == "one"


def test_it_runs_the_file_under_the_name_that_it_is_given():
    with started_alike(say("sys.orig_argv[0]"), PLENTY_S) as process:
        assert process.ask("") == PYTHON
        assert Path(f"/proc/{process.pid}/exe").readlink() == Path(PYTHON)


def test_it_has_the_environment_that_it_is_given_and_no_other():
    text = "import posix; posix.read(0, 9); posix.write(1, repr(posix.environ).encode() + b'\\n'); posix.read(0, 9)"

    with started_alike(program(text, PYTHONCOERCECLOCALE="0"), PLENTY_S) as process:
        assert process.ask("") == "{b'PYTHONCOERCECLOCALE': b'0'}"


def test_it_has_no_power_and_can_gain_none():
    with started_alike(say("'started'"), PLENTY_S) as process:
        assert process.ask("") == "started"  # its own start has files open
        proc = Path(f"/proc/{process.pid}")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())

        capabilities = {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
        assert capabilities == {0}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert os.geteuid() or int(status["CapBnd"], 16) == 0
        assert sorted(each.name for each in (proc / "fd").iterdir()) == ["0", "1", "2"]
        assert os.getsid(process.pid) == process.pid
        assert (proc / "cwd").readlink() == Path("/")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("posix.open('/', posix.O_RDONLY) > 2", "True"),
        ("posix.open('/tmp/made', posix.O_WRONLY | posix.O_CREAT)", errno.EROFS),
        ("posix.open('/dev/null', posix.O_RDWR)", errno.EROFS),
        ("posix.open('/tmp', posix.O_RDWR | posix.O_TMPFILE)", errno.EROFS),
        ("posix.unlink('/nothing')", errno.ENOSYS),
        ("posix.mkdir('/tmp/made')", errno.ENOSYS),
        ("posix.fork()", errno.ENOSYS),
        ("posix.execv('/bin/true', ['true'])", errno.ENOSYS),
        ("posix.kill(posix.getppid(), 0)", errno.ENOSYS),
        ("posix.setsid()", errno.ENOSYS),
        ("posix.memfd_create('x')", errno.ENOSYS),
        ("posix.setpriority(0, 0, 1)", errno.ENOSYS),
    ],
)
def test_it_may_only_read(expression, expected):
    with started_alike(attempt(expression), PLENTY_S) as process:
        assert process.ask("") == str(expected)


def test_it_gets_no_more_memory_than_its_limit():
    text = "import posix\nposix.read(0, 9)\ntry: said = len(bytes(1 << 30))\nexcept MemoryError: said = 'refused'\n"

    with started_alike(program(f"{text}posix.write(1, b'%a\\n' % (said,))\nposix.read(0, 9)"), PLENTY_S) as process:
        assert process.ask("") == "'refused'"


def test_a_program_that_hangs_is_an_error_at_the_deadline():
    with (
        pytest.raises(TargetError, match=r"does not answer in time|ended with status"),
        started_alike(program("while True: pass"), 0.5) as process,
    ):
        process.ask("")


def test_it_is_killed_at_the_deadline_though_nobody_asks():
    with started_alike(program("import time; time.sleep(1000)"), 0.5) as process:
        pidfd = os.pidfd_open(process.pid)

        assert ended(pidfd)
    os.close(pidfd)


def test_it_is_gone_after_the_block():
    with started_alike(program("import time; time.sleep(1000)"), PLENTY_S) as process:
        pid = process.pid

    assert not Path(f"/proc/{pid}/exe").exists()


def test_it_dies_with_us():
    text = (
        "import os, sys; from pyxhon.target.alike import *\n"
        f"idle = Program(None, {PYTHON!r}, ('-S', '-c', 'import time; time.sleep(1000)'), {{}})\n"
        "with started_alike(idle, 60) as one:\n"
        "    print(one.pid, flush=True); input()"
    )
    command = [sys.executable, "-c", text]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        pidfd = os.pidfd_open(int(process.stdout.readline()))

        process.kill()

        assert ended(pidfd)
    os.close(pidfd)


def test_a_flood_is_one_error_and_takes_no_memory():
    tracemalloc.start()
    try:
        with (
            pytest.raises(TargetError, match="answers more than 1048576 bytes"),
            started_alike(program("import posix\nwhile True: posix.write(1, b'x' * 65536)"), PLENTY_S) as process,
        ):
            process.ask("")
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_a_flood_of_lines_is_one_error():
    with (
        pytest.raises(TargetError, match="says what it was not asked"),
        started_alike(program("import posix\nwhile True: posix.write(1, b'x\\n' * 999)"), PLENTY_S) as process,
    ):
        process.ask("")


def test_a_program_that_ends_is_told_with_its_status_and_last_words():
    text = "import sys; sys.stderr.write('first\\nlast \\x1b[2J\\n'); sys.exit(7)"

    with (
        pytest.raises(TargetError, match=r"ended with status 7: last \\x1b\[2J$"),
        started_alike(program(text), PLENTY_S) as process,
    ):
        process.ask("")


def test_a_program_that_the_kernel_does_not_run_is_told_with_the_reason(tmp_path):
    path = tmp_path / "python3"
    path.write_bytes(b"no ELF file")
    path.chmod(0o755)

    with (
        pytest.raises(TargetError, match="cannot run the program: Exec format error"),
        started_alike(program("", str(path)), PLENTY_S),
    ):
        pass


def test_a_model_that_ended_is_told():
    with subprocess.Popen(["true"]) as process:
        process.wait()

    with (
        pytest.raises(TargetError, match=f"/proc/{process.pid}/exe cannot be opened"),
        started_alike(Program(process.pid, PYTHON, (), {}), PLENTY_S),
    ):
        pass


def test_a_start_is_quick():
    before = time.monotonic()

    with started_alike(say("''"), PLENTY_S) as process:
        process.ask("")

    assert time.monotonic() - before < PLENTY_S / 4
