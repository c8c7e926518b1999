"""`pyxhon evaluate`: hostile packages harm nothing and are told of; what was interrupted goes on."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pyxhon.evaluate.users import DOWNLOADER
from tests.evaluated import make_wheel
from tests.interpreters import every_python
from tests.kernel.commands import PYXHON, pyxhon, refusal

pytestmark = pytest.mark.usefixtures("needs_bpf")
HOSTILE = ("connects", "hostile_acts", "hostile_output", "hostile_forks")
POLICY = """
version: 1
packages:
  connects: {allow: None}
  hostile-output: {allow: F-N-D-O-B}
"""


def processes_of_jobs():
    """Give the processes of every user that a sandbox of any evaluation of ours may have had."""
    found = []
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and DOWNLOADER < entry.stat().st_uid < 0x70000000:
                found.append((entry.name, entry.stat().st_uid))
        except FileNotFoundError:
            continue
    return found


def uids_of(pid):
    return range(DOWNLOADER + 1 + pid * 64, DOWNLOADER + 1 + pid * 64 + 64)


def wait_for(holds, seconds=10):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def rows_of(folder):
    content = json.loads((folder / "evaluation.json").read_text())
    assert content["schema"] == "pyxhon.evaluation/1"
    return {row["name"]: row for row in content["packages"]}


def step_of(row, name):
    return next(step for step in row["steps"] if step["name"] == name)


def behaviours_of(folder, row):
    report = json.loads((folder / step_of(row, "run")["folder"] / "report.json").read_text())
    return [act for act in report["behaviours"] if act["package"].replace("_", "-") == row["name"]]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Evaluate hostile packages; gives the folder, the rows and how the command ended."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "policy.yaml").write_text(POLICY)
    wheels = [make_wheel(folder, name) for name in HOSTILE]
    limits = ["--time-limit", "12", "--disk-limit", "64", "--memory-limit", "512", "--process-limit", "48"]
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        done = pyxhon(
            "evaluate", *wheels, "-o", folder / "out", "--policy", folder / "policy.yaml", "--jobs", 2, *limits,
            "--format", "markdown",
        )  # fmt: skip
        is_unharmed = bystander.poll() is None
        bystander.kill()
    return folder / "out", rows_of(folder / "out"), done, is_unharmed


def test_a_hostile_package_harms_nothing(hostile):
    _, _, _, is_unharmed = hostile

    assert is_unharmed
    assert not Path("/usr/pyxhon-was-here").exists()
    assert not [line for line in Path("/proc/mounts").read_text().splitlines() if "pyxhon-evaluate" in line]


def test_no_attempt_to_leave_the_sandbox_succeeds(hostile):
    folder, rows, _, _ = hostile
    output = (folder / step_of(rows["hostile-acts"], "run")["folder"] / "output.txt").read_text()
    answers = dict(re.findall(r"^attempt (.+?) -> (.+)$", output, re.MULTILINE))

    assert set(re.findall(r"Cap\w+:\\\\t([0-9a-f]+)", answers["capabilities"])) == {"0" * 16}
    assert answers["host processes"] == "['1', '2']"
    assert answers["homes"] == "['/home/user']"
    assert "No such file" in answers["shadow"]
    assert "unreachable" in answers["connect"]
    assert answers["unshare user"] == "No space left on device"
    for refused in ("unshare mount", "setns", "mount", "remount", "bpf"):
        assert answers[refused] == "Operation not permitted", refused
    for failed in ("chroot", "setuid", "write system", "write policy", "delete environment"):
        assert "Error" in answers[failed], failed
    assert answers["ptrace"] == "{'No such process'}"
    assert "File too large" in answers["write much"]
    assert output.rstrip().endswith("imported 1 of 1 modules")


def test_what_it_tried_is_reported(hostile):
    folder, rows, _, _ = hostile
    acts = behaviours_of(folder, rows["hostile-acts"])
    names = {act["name"] for act in acts}

    assert {"unshare", "setns", "mount", "ptrace", "bpf"} <= names
    assert {"open", "socket.connect", "os.kill"} <= names
    assert "/etc/shadow" in {act["args"].get("path") for act in acts}
    assert {act["result"] for act in acts if act["name"] == "mount"} == {"EPERM"}


def test_a_connect_is_seen_and_fails_without_a_network(hostile):
    folder, rows, _, _ = hostile
    [act] = [act for act in behaviours_of(folder, rows["connects"]) if act["name"] == "socket.connect"]

    assert "198.51.100.7" in str(act["args"])
    output = (folder / step_of(rows["connects"], "run")["folder"] / "output.txt").read_text()
    assert "Network is unreachable" in output


def test_output_without_end_is_cut_and_ends_the_step(hostile):
    folder, rows, _, _ = hostile
    step = step_of(rows["hostile-output"], "run")

    assert step["outcome"] == "output"
    assert 64 << 20 < step["output_bytes"] < 80 << 20
    kept = (folder / step["folder"] / "output.txt").read_bytes()
    assert len(kept) < 1 << 20
    assert b"\x1b" not in kept
    assert rows["hostile-output"]["suggestion"] is None
    assert not rows["hostile-output"]["complete"]


def test_a_fork_bomb_has_so_many_processes_and_no_more_time(hostile):
    _, rows, _, _ = hostile
    step = step_of(rows["hostile-forks"], "run")

    assert step["outcome"] == "time"
    assert step["peak_processes"] <= 48
    assert step["duration_s"] < 60


def test_the_matrix_tells_violations_and_the_status_is_3(hostile):
    folder, rows, done, _ = hostile

    assert done.returncode == 3, done.stderr
    assert rows["connects"]["suggestion"] == "CodeReview"
    assert rows["connects"]["policy"] == "None"
    network = step_of(rows["connects"], "run")["categories"]["network"]
    assert network["status"] == "violation"
    assert "socket.connect" in {violation["name"] for violation in network["violations"]}
    assert b"Violation" in done.stdout
    page = (folder / "evaluation.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page or "alert" not in page


@every_python(min=(3, 12), max=(3, 12), is_own_root=True)
def test_an_interrupted_evaluation_goes_on(python, tmp_path):
    """Killed, then asked to end, then let go on: what was finished is not done again."""
    if not python.path.startswith("/root/.pyenv/versions/3.12"):
        pytest.skip("kernel refuses BPF: one is enough")
    quick, slow = (
        make_wheel(tmp_path, "quick", "import json\n"),
        make_wheel(tmp_path, "slow", "import time; time.sleep(4)"),
    )
    command = [*PYXHON, "evaluate", str(quick), str(slow), "-o", str(tmp_path / "out"), "--python", python.path]

    def end_by(number, step):
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if "slow" in line and f": {step} (" in line:
                    time.sleep(1.5)
                    process.send_signal(number)
                    break
            process.communicate(timeout=60)
            wait_for(lambda: not [pid for pid, uid in processes_of_jobs() if uid in uids_of(process.pid)])
            return process.returncode

    assert end_by(signal.SIGKILL, "install") == -signal.SIGKILL
    [finished] = (tmp_path / "out").glob("*/state.json")
    before = finished.stat().st_mtime_ns
    assert "quick" in finished.parent.name
    assert end_by(signal.SIGINT, "run") == 130
    assert list((tmp_path / "out").glob("*/state.json")) == [finished]

    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stderr
    assert finished.stat().st_mtime_ns == before
    assert step_of(rows_of(tmp_path / "out")["slow"], "run")["outcome"] == "done"


def test_each_package_is_exercised_by_its_own_script(tmp_path):
    names = ("first", "second")
    wheels = [make_wheel(tmp_path, name, f"import os\ndef act():\n    os.listdir('/usr/{name}')\n") for name in names]
    for name in names:
        (tmp_path / f"use_{name}.py").write_text(
            f"import contextlib, {name}\nprint('script of {name}')\n"
            f"with contextlib.suppress(OSError):\n    {name}.act()\n"
        )
    scripts = [word for name in names for word in ("--exercise", f"{name}={tmp_path}/use_{name}.py")]

    done = pyxhon("evaluate", *wheels, *scripts, "-o", tmp_path / "out", "--jobs", 2)

    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    said = {
        name: (tmp_path / "out" / step_of(rows[name], "run")["folder"] / "output.txt").read_text() for name in names
    }
    assert ("script of first" in said["first"], "script of second" in said["second"]) == (True, True)
    for name in names:
        [act] = [act for act in behaviours_of(tmp_path / "out", rows[name]) if act["name"] == "os.listdir"]
        assert act["args"]["path"] == f"/usr/{name}"
    unknown = refusal(pyxhon("evaluate", wheels[0], *scripts, "-o", tmp_path / "out"))
    assert unknown.startswith("--exercise is for second, which is not evaluated")


def test_without_bubblewrap_the_remedy_is_told(tmp_path):
    for tool in ("setpriv", "prlimit", "python3"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")

    said = refusal(pyxhon("evaluate", "six", "-o", tmp_path / "out", env={**os.environ, "PATH": str(tmp_path)}))

    assert said == "bubblewrap is missing, which makes the sandbox; apt-get install bubblewrap"


@pytest.mark.full
def test_memory_taken_by_many_processes_is_counted_together(tmp_path):
    wheel = make_wheel(tmp_path, "hostile_memory")

    done = pyxhon("evaluate", wheel, "-o", tmp_path / "out", "--memory-limit", "512", "--time-limit", "60")

    assert done.returncode == 4, done.stderr
    step = step_of(rows_of(tmp_path / "out")["hostile-memory"], "run")
    assert step["outcome"] == "memory"
    assert step["peak_memory_bytes"] < 1 << 30


@pytest.mark.full
@every_python(min=(3, 11, 7), max=(3, 11), is_own_root=True)
def test_real_packages_are_evaluated_from_the_index(python, tmp_path):
    """Among them a source archive with an extension module, built in the sandbox, and the tests that it ships."""
    out = tmp_path / "out"
    command = [*PYXHON, "evaluate", "crcmod==1.7", "pyisbn==1.3.1", "six", "--tests", "--python", python.path]

    done = subprocess.run([*command, "-o", out, "--jobs", "2"], capture_output=True, timeout=600, check=False)

    rows = rows_of(out)
    assert done.returncode in {0, 3}, done.stderr
    assert rows["crcmod"]["suggestion"] == "Accept"
    assert rows["crcmod"]["policy"] == "D-O"
    assert step_of(rows["crcmod"], "run")["categories"]["dll"]["status"] == "allowed"
    assert "passed" in step_of(rows["crcmod"], "tests")["message"]
    assert rows["six"]["suggestion"] is None


@pytest.mark.full
def test_a_folder_is_built_in_the_sandbox_and_exercised_by_a_script(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "planted"\nversion = "2.0"\n[tool.setuptools]\npy-modules = ["planted"]\n'
    )
    (folder / "setup.py").write_text("import os, setuptools\nos.system('echo built > /tmp/x')\nsetuptools.setup()\n")
    (folder / "planted.py").write_text("import os\ndef act():\n    os.listdir('/etc')\n")
    (tmp_path / "exercise.py").write_text("import planted\nplanted.act()\n")

    done = pyxhon("evaluate", folder, "-o", tmp_path / "out", "--exercise", tmp_path / "exercise.py")

    row = rows_of(tmp_path / "out")["planted"]
    assert done.returncode == 0, done.stderr
    assert row["version"] == "2.0"
    assert step_of(row, "install")["categories"]["os"]["python"] >= 1
    assert "os.listdir" in {act["name"] for act in behaviours_of(tmp_path / "out", row)}
