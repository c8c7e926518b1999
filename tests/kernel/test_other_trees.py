"""Programs that begin to run in a file tree of their own while they are traced, as in a container, and soon end."""

import json
import shlex
import shutil
import subprocess

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.commands import pyxhon

pytestmark = pytest.mark.usefixtures("needs_bpf")

MODULE = "import sys\n\ndef act():\n    sys.audit('insider.act')\n    open(__file__).close()\n"
RECORD = "insider.py,,\ninsider-1.0.dist-info/METADATA,,\ninsider-1.0.dist-info/RECORD,,\n"


def make_tree(folder, python):
    """Give a command that runs a program in a tree where an interpreter and a package lie that are nowhere else."""
    inside = folder / "inside"
    information = inside / "insider-1.0.dist-info"
    information.mkdir(parents=True)
    (inside / "insider.py").write_text(MODULE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: insider\nVersion: 1.0\n")
    (information / "RECORD").write_text(RECORD)
    real, home = subprocess.run(
        [python.path, "-c", "import os, sys; print(os.path.realpath(sys.executable)); print(sys.base_prefix)"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    shutil.copy(real, inside / "insider-python")
    return [
        "bwrap", "--dev-bind", "/", "/", "--tmpfs", "/opt", "--ro-bind", str(inside), "/opt/inside", "--setenv",
        "PYTHONHOME", home, "--setenv", "PYTHONPATH", "/opt/inside", "/opt/inside/insider-python", "-c",
        "import insider; insider.act()",
    ]  # fmt: skip


@every_python(min=(3, 8))
def test_a_short_program_of_another_tree_is_found_in_it(python, tmp_path):
    trace = tmp_path / "t.pyxhon"
    command = shlex.join(make_tree(tmp_path, python))

    done = pyxhon("record", "-o", trace, "--", "sh", "-c", f"{command}; sleep 1; {command}; sleep 1; {command}")

    assert done.returncode == 0, done.stderr
    with open_trace(trace) as reader:
        processes = [row for row in reader.processes() if row.executable == "/opt/inside/insider-python"]
        acting = {row.process for row in reader.events() if row.name == "insider.act"}
        lost = [(row.process, row.count) for row in reader.losses() if row.reason == "python_untraced"]
    found = {row.id for row in processes if row.root != 0}
    assert len(processes) == 3
    assert found & acting
    # the first that ever ran this file, and what ended before its turn came on a busy machine
    assert dict(lost) == {row.id: 1 for row in processes if row.id not in found & acting}
    report = json.loads(pyxhon("report", trace, "--format", "json").stdout)
    [package] = [package for package in report["packages"] if package["name"] == "insider"]
    assert package["version"] == "1.0"
    opened = [one for one in report["behaviours"] if (one["package"], one["name"]) == ("insider", "open")]
    assert opened
    assert {one["args"]["path"] for one in opened} == {"/opt/inside/insider.py"}
