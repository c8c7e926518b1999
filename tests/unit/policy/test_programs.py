"""What an act runs is the program, and the script that an interpreter is given; what these only read is not."""

import pytest

from pyxhon.policy.programs import find_run
from tests.unit.policy.behaviours import TABLES, act, called


def programs(behaviour, directory=None):
    return [item.shown for item in find_run(behaviour, TABLES, directory)]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["/tmp/x", "/tmp/data"], ["/tmp/x"]),
        (["sh", "/tmp/x", "/tmp/data"], ["/tmp/x"]),
        (["/bin/sh", "-c", "/tmp/x /tmp/data; cat </tmp/y && A=1 /tmp/z"], ["/bin/sh", "/tmp/x", "/tmp/z"]),
        (["python3.11", "-u", "/tmp/x.py", "/tmp/data"], ["/tmp/x.py"]),
        (["env", "A=/b", "/usr/bin/python3", "/tmp/x.py"], ["/usr/bin/python3", "/tmp/x.py"]),
        (["cat", "/tmp/x"], []),
        ([], []),
        (["sh", "-c"], []),
        (["/lib64/ld-linux-x86-64.so.2", "/tmp/x"], ["/lib64/ld-linux-x86-64.so.2", "/tmp/x"]),
    ],
)
def test_programs_of_a_started_process(arguments, expected):
    first = arguments[0] if arguments else None

    assert programs(act("subprocess.Popen", executable=first, args=arguments, cwd=None, env=None)) == expected


def test_a_shell_command_is_read_word_by_word():
    assert programs(act("os.system", command="chmod +x /tmp/x && '/tmp/x' > /tmp/log")) == ["/tmp/x"]


def test_a_system_call_runs_its_path():
    assert programs(called("execve", path="/tmp/x", argv=["x", "/tmp/data"])) == ["/tmp/x"]


def test_a_relative_program_starts_from_the_working_directory_or_the_one_given():
    (there,) = find_run(act("os.exec", path="./x", args=["./x"], env=None), TABLES, "/srv")
    (given,) = find_run(act("subprocess.Popen", executable="./x", args=["./x"], cwd="/opt", env=None), TABLES, "/srv")

    assert there.thing.segments == ("srv", "x")
    assert given.thing.segments == ("opt", "x")


def test_acts_that_run_nothing_run_nothing():
    assert programs(act("open", path="/tmp/x", mode="w", flags=0)) == []


def test_shells_in_shells_end():
    command = "/bin/x"
    for _ in range(50):
        command = f"sh -c {command}"

    assert len(programs(act("os.system", command=command))) <= 1
