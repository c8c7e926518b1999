"""Every interpreter that tests are given can be run, and is the process that was started."""

from pathlib import Path

from tests.interpreters import every_python
from tests.targets import running


@every_python()
def test_a_started_interpreter_is_the_process_itself(python):
    with running(python, "idle.py") as target:
        executable = Path(f"/proc/{target.pid}/exe").readlink()

    assert executable.name.startswith("python")


def test_the_kernel_is_asked_before_it_is_given_programs(needs_bpf):
    assert Path("/sys/bus/event_source/devices/uprobe/type").exists()
