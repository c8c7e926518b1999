"""A program started like a target in its own root and namespaces has that target's user, and none of our powers."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyxhon.cpython.calibration_run import is_ours_alone, started_workload
from pyxhon.cpython.runtime import find_runtime
from pyxhon.errors import CalibrationError
from tests.interpreters import find_interpreters

UID, GROUP = 65534, 33
IDLE = "import os; print(os.getpid(), flush=True); input()"
# The whole file system once more, at another place, so that the root is another one with the same files.
CHROOT = f'mount --rbind / "$1"; exec chroot --userspec={UID}:{UID} --groups={GROUP} "$1" "$2" -c "$3"'
AS_IT_IS = 'exec "$2" -c "$3"'


@pytest.fixture(scope="module")
def python():
    """Give an interpreter that any user can reach."""
    paths = [each.path for each in find_interpreters() if each.version >= (3, 8) and each.path.startswith("/usr/bin")]
    return paths[0]


@contextmanager
def target(python, place, script, *flags):
    """Run an interpreter in a mount namespace of its own, and in others by flags of unshare; gives its process id."""
    command = ["unshare", "--mount", "--propagation", "private", *flags]
    command += ["sh", "-ec", script, "sh", str(place), python, IDLE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            yield innermost(process.pid)
        finally:
            process.communicate(b"\n")


def innermost(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return innermost(int(children[0])) if children else pid


def status_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def namespaces_of(pid):
    return {each.name: each.readlink() for each in Path(f"/proc/{pid}/ns").iterdir()}


@pytest.mark.parametrize(
    "flags",
    [(), ("--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts", "--cgroup")],
    ids=["chroot", "container"],
)
def test_the_workload_runs_as_the_target_does_and_has_no_powers(python, tmp_path, flags):
    with target(python, tmp_path, CHROOT, *flags) as pid, started_workload(find_runtime(pid), pid) as workload:
        status = status_of(workload.pid)

        assert status["Uid"] == status["Gid"] == [str(UID)] * 4
        assert status["Groups"] == [str(GROUP)]
        assert [int(status[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
        assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
        assert namespaces_of(workload.pid) == namespaces_of(pid)
        assert Path(f"/proc/{workload.pid}/root").readlink() == Path(f"/proc/{pid}/root").readlink() == tmp_path
        assert workload.run("plain") == workload.run_under_oracle()


def test_root_of_a_user_namespace_is_started_there(python, tmp_path):
    flags = ("--user", "--map-root-user", "--pid", "--fork", "--kill-child")

    with target(python, tmp_path, AS_IT_IS, *flags) as pid, started_workload(find_runtime(pid), pid) as workload:
        assert namespaces_of(workload.pid) == namespaces_of(pid)
        assert int(status_of(workload.pid)["CapEff"][0], 16) == 0
        assert workload.run("plain")


def test_a_target_in_another_root_is_not_believed_of_others(python, tmp_path):
    with target(python, tmp_path, CHROOT) as pid:
        assert not is_ours_alone(find_runtime(pid), pid)


def test_a_variable_that_leads_to_other_files_is_not_believed(python):
    command = [python, "-c", IDLE]
    for environment, expected in ({"HOME": "/"}, True), ({"LD_LIBRARY_PATH": "/tmp"}, False):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            process.stdout.readline()

            assert is_ours_alone(find_runtime(process.pid), process.pid) == expected
            process.stdin.close()


def test_a_user_that_its_namespace_does_not_know_is_refused(python, tmp_path):
    with (
        target(python, tmp_path, AS_IT_IS, "--user", "--map-user=5") as pid,
        pytest.raises(CalibrationError, match="its own namespace does not know"),
        started_workload(find_runtime(pid), pid),
    ):
        pass


def test_a_target_that_ended_is_refused(python):
    with subprocess.Popen([python, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}) as process:
        process.stdout.readline()
        runtime = find_runtime(process.pid)
        os.kill(process.pid, 9)
        process.wait()

        with (
            pytest.raises(CalibrationError, match=f"/proc/{process.pid}/exe cannot be opened"),
            started_workload(runtime, process.pid),
        ):
            pass
