"""Files within a root: nothing outside of it can be reached, whatever its links say."""

import os
import subprocess
from types import SimpleNamespace

import pytest

from pyxhon import ownership
from pyxhon.errors import TargetError
from pyxhon.ownership import Ownership
from pyxhon.target.root import TargetRoot, open_own_root, open_root


@pytest.fixture
def jail(tmp_path):
    """A folder taken for a root, with links that try to lead out of it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/name").write_text("inside")
    (tmp_path / "etc/absolute").symlink_to("/etc/name")
    (tmp_path / "etc/upwards").symlink_to("../../../../../../etc/name")
    (tmp_path / "etc/passwd-link").symlink_to("/etc/passwd")
    (tmp_path / "etc/loop").symlink_to("loop")
    os.mkfifo(tmp_path / "etc/pipe")
    with TargetRoot(os.open(tmp_path, os.O_PATH | os.O_DIRECTORY), None) as root:
        yield root


@pytest.mark.parametrize("path", ["/etc/name", "etc/name", "/etc/absolute", "/etc/upwards", "/../../etc/name"])
def test_links_stay_inside_the_root(jail, path):
    assert jail.read_file(path, 100) == b"inside"
    assert jail.resolve(path) == "/etc/name"


@pytest.mark.parametrize("path", ["/etc/passwd-link", "/etc/passwd", "/etc/loop", "/etc", "/etc/pipe", "/\0", ""])
def test_what_is_no_file_inside_is_nothing(jail, path):
    assert jail.read_file(path, 1 << 20) is None
    assert jail.open_file(path) is None
    assert not jail.is_file(path)


def test_magic_links_are_not_followed():
    with open_own_root() as root:
        assert root.open_file("/proc/self/exe") is None


def test_a_file_over_the_limit_is_not_read(jail):
    assert jail.read_file("/etc/name", 6) == b"inside"
    assert jail.read_file("/etc/name", 5) is None
    assert jail.open_file("/etc/name", max_bytes=5) is None


def test_a_listing_is_sorted_and_bounded(jail):
    assert jail.list_directory("/etc", 100) == ["absolute", "loop", "name", "passwd-link", "pipe", "upwards"]
    assert len(jail.list_directory("/etc", 2)) == 2
    assert jail.list_directory("/etc/name", 100) is None
    assert jail.list_directory("/nothing", 100) is None


def test_a_path_that_leads_nowhere_is_only_tidied(jail):
    assert jail.resolve("/usr/../lib//x") == "/lib/x"


def test_our_own_processes_share_a_root():
    with open_root(os.getpid()) as one, open_own_root() as other:
        assert one.key == other.key
        assert one.resolve("/proc/../etc") == "/etc"


def test_the_root_of_a_chrooted_process_is_its_own(tmp_path):
    (tmp_path / "here").write_text("jail")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.chroot(tmp_path)
        os.write(write, b"x")
        os.pause() if hasattr(os, "pause") else __import__("signal").pause()
    os.read(read, 1)

    with open_root(child) as root, open_own_root() as own:
        content = root.read_file("/here", 10)
        path = root.resolve("/here")
        keys = root.key, own.key

    os.kill(child, 9)
    os.waitpid(child, 0)
    assert (content, path) == (b"jail", "/here")
    assert keys[0] != keys[1]


def test_the_root_of_an_ended_process_is_an_error():
    child = subprocess.Popen(["true"])
    child.wait()

    with pytest.raises(TargetError, match="ended"):
        open_root(child.pid)


@pytest.fixture
def contained():
    """Start a program in a mount namespace of its own, where a file lies that is nowhere else; give how to end it."""
    script = "mount -t tmpfs none /opt && echo inside > /opt/name && echo ready && read -r line"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_mounts_stay_when_the_process_ends_until_they_are_released(contained):
    with open_root(contained.pid) as root, open_root(contained.pid) as again:
        again.release_mounts()
        contained.communicate()
        assert root.read_file("/opt/name", 100) == b"inside\n"

        again.hold_mounts(root)
        root.release_mounts()
        assert root.read_file("/opt/name", 100) == b"inside\n"

        again.release_mounts()
        assert root.read_file("/opt/name", 100) is None


def test_mounts_are_kept_while_they_are_used_and_for_a_minute(contained):
    kept = Ownership(SimpleNamespace())
    root = kept.root_of(contained.pid)
    contained.communicate()

    def is_there(used, now_s):
        kept.release_mounts(used, now_s)
        return kept.target_root(root).read_file("/opt/name", 100) is not None

    assert is_there({root}, 0.0)
    assert is_there({root}, 1000.0)
    assert is_there(set(), 1050.0)
    assert not is_there(set(), 1061.0)
    kept.close()


def test_there_is_an_end_to_the_trees_that_are_kept(contained, monkeypatch):
    monkeypatch.setattr(ownership, "_MAX_ROOTS", 1)
    kept = Ownership(SimpleNamespace())

    assert kept.root_of(os.getpid()) == 0
    with pytest.raises(TargetError):
        kept.root_of(contained.pid)

    assert kept.root_of(os.getpid()) == 0
    kept.close()
