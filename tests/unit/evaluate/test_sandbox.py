"""The sandbox itself, without tracing: what is there, what is not, who one is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.evaluate.environment import copy_folder, make_environment
from pyxhon.evaluate.interpreter import find_python
from pyxhon.evaluate.options import Limits
from pyxhon.evaluate.sandbox import PYTHON, Box, boxed
from pyxhon.evaluate.users import job_user, kill_all, used_memory
from tests.interpreters import CHECKOUT, every_python

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="kernel refuses BPF: not root")
# Prepared in a process of its own, since it takes a mount namespace for good.
PREPARE = """
import os, sys
from pathlib import Path
from pyxhon.evaluate.environment import make_environment
from pyxhon.evaluate.interpreter import find_python
from pyxhon.evaluate.options import Limits
from pyxhon.evaluate.sandbox import PYTHON, Box, boxed
from pyxhon.evaluate.stage import prepare_stage
from pyxhon.evaluate.users import job_user
import subprocess
with prepare_stage() as stage:
    python, uid = find_python(sys.argv[1]), job_user(0)
    shown = tuple((stage.show(Path(one), f"python/{at}"), one) for at, one in enumerate(python.folders))
    with stage.disk("env", 1 << 20, uid) as environment:
        make_environment(environment, python, uid)
        box = Box(python, uid, environment, True, shown, (), Limits(disk_bytes=16 << 20), False)
        read, write = os.pipe()
        command = boxed(box, [PYTHON, "-c", sys.argv[2]], write)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, pass_fds=[write])
print("mounts left:", sum("pyxhon-evaluate" in line for line in open("/proc/mounts")))
sys.exit(done.returncode)
"""
LOOK = """
import json, os, sys
def fails(act):
    try:
        act()
    except OSError as error:
        return error.strerror
print(json.dumps({
    "version": sys.version_info[:2], "prefix": sys.prefix, "path": sys.path[-1], "user": os.getuid(),
    "map": open("/proc/self/uid_map").read().split(), "variables": sorted(os.environ),
    "interfaces": os.listdir("/sys/class/net") if os.path.exists("/sys/class/net") else [],
    "processors": os.cpu_count(), "sys": [sorted(os.listdir(name)) for name in (
        "/sys", "/sys/devices", "/sys/devices/system", "/sys/devices/system/cpu", "/sys/devices/system/cpu/cpu0")],
    "online": open("/sys/devices/system/cpu/online").read(),
    "changes": fails(lambda: open("/sys/devices/system/cpu/online", "w")),
    "etc": os.path.exists("/etc/shadow"), "work": os.path.exists("/work"),
    "disk": fails(lambda: [open("/env/%d" % at, "wb").write(bytes(1 << 18)) for at in range(8)]),
    "root": fails(lambda: open("/x", "w")), "devices": fails(lambda: open("/dev/x", "w")),
    "home": fails(lambda: open(os.path.expanduser("~/x"), "w")),
}))
"""


@needs_root
@every_python(min=(3, 11), max=(3, 11), is_own_root=True)
def test_nothing_of_the_machine_s_users_is_there(python):
    command = [sys.executable, "-c", PREPARE, python.path, LOOK]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env={**os.environ, "PYTHONPATH": str(CHECKOUT)}
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[0])
    assert tuple(seen["version"]) == python.version[:2]
    assert seen["prefix"] == "/env"
    assert seen["path"].startswith("/env/lib/python")
    assert seen["user"] == 1000
    assert (seen["map"][0], seen["map"][2]) == ("1000", "1")
    assert not seen["etc"]
    assert seen["processors"] == os.cpu_count()
    assert seen["online"] == Path("/sys/devices/system/cpu/online").read_text()
    assert seen["sys"][:3] == [["devices"], ["system"], ["cpu"]]
    assert {name for name in seen["sys"][3] if not re.fullmatch(r"cpu\d+", name)} == {
        "kernel_max", "online", "possible", "present",
    }  # fmt: skip
    assert set(seen["sys"][4]) <= {"cache", "topology"}
    assert seen["changes"]
    assert not seen["work"]
    assert seen["interfaces"] in ([], ["lo"])
    assert "PYTHONPATH" not in seen["variables"]
    assert seen["disk"] == "No space left on device"
    assert seen["root"] == "Read-only file system"
    assert seen["devices"] in {"Read-only file system", "Permission denied"}
    assert seen["home"] is None


@needs_root
def test_all_processes_of_a_user_are_counted_and_killed_and_nobody_else_s():
    uid = job_user(63)
    with subprocess.Popen(["sleep", "100"], user=uid) as theirs, subprocess.Popen(["sleep", "100"]) as ours:
        assert used_memory(uid)[0] == 1

        kill_all(uid)

        assert theirs.wait(10) == -9
        assert ours.poll() is None
        ours.kill()
    assert used_memory(uid) == (0, 0)


def test_an_environment_is_one_to_the_interpreter(tmp_path):
    python = find_python(None)
    (tmp_path / "env").mkdir()
    make_environment(tmp_path / "env", python, os.getuid())

    ask = "import sys; print(sys.prefix, sys.base_prefix != sys.prefix)"
    done = subprocess.run([tmp_path / "env/bin/python", "-I", "-c", ask], capture_output=True, text=True, check=True)

    assert done.stdout == f"{tmp_path / 'env'} True\n"


def test_a_copied_folder_has_files_and_links_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "inner/file").write_text("text")
    (source / "link").symlink_to("/etc/shadow")
    os.mkfifo(source / "fifo")

    copy_folder(source, tmp_path / "copy", os.getuid())

    assert sorted(path.name for path in (tmp_path / "copy").rglob("*")) == ["file", "inner", "link"]
    assert (tmp_path / "copy/link").is_symlink()


def test_limits_and_bubblewrap_stand_before_the_command(tmp_path):
    box = Box(
        python=find_python(None), uid=7, environment=tmp_path, is_environment_writable=False, shown=(), writable=(),
        limits=Limits(processes=33), has_network=False,
    )  # fmt: skip
    command = boxed(box, [PYTHON, "x.py"], 9)

    assert "--nproc=33:33" in command
    assert command[-2:] == [PYTHON, "x.py"]
    assert {"--unshare-user", "--disable-userns", "--unshare-all", "--die-with-parent"} <= set(command)
    assert "--share-net" not in command
