"""What an act touches is found in its arguments, and nothing is guessed."""

import pytest

from pyxhon.policy.touched import accesses_of, find_touched
from tests.unit.policy.behaviours import TABLES, act, opened

READ, WRITE = "files.read", "files.write"


def touched(behaviour, directory=None):
    found = []
    for item in find_touched(behaviour, TABLES, directory):
        path = "/" + "/".join(item.thing.segments) if hasattr(item.thing, "segments") else item.thing
        found.append((*item.keys, path))
    return found


@pytest.mark.parametrize(
    "mode, flags, expected",
    [
        ("r", 0, (READ,)),
        ("rb", 0o2000000, (READ,)),
        ("w", 0o1101, (WRITE,)),
        ("a", 0, (WRITE,)),
        ("xb", 0, (WRITE,)),
        ("r+", 2, (READ, WRITE)),
        ("w+b", 0, (READ, WRITE)),
        ("b", 0, (READ,)),
        (None, 0, (READ,)),
        (None, 1, (WRITE,)),
        (None, 2, (READ, WRITE)),
        (None, 0o100, (READ, WRITE)),
        (None, 0o1000, (READ, WRITE)),
        ("?", 1, (WRITE,)),
        ("", None, (READ, WRITE)),
        (None, None, (READ, WRITE)),
        (None, True, (READ, WRITE)),
    ],
)
def test_read_and_write_are_told_by_mode_or_else_by_flags(mode, flags, expected):
    assert accesses_of(mode, flags) == expected


def test_a_rename_writes_both_paths():
    behaviour = act("os.rename", src="/a", dst="/b", src_dir_fd=-1, dst_dir_fd=-1)

    assert touched(behaviour) == [(WRITE, "/a"), (WRITE, "/b")]


def test_a_copy_reads_one_path_and_writes_the_other():
    assert touched(act("shutil.copyfile", src="/a", dst="/b")) == [(READ, "/a"), (WRITE, "/b")]


@pytest.mark.parametrize("descriptor", [0, 3])
def test_an_open_descriptor_is_nothing_new(descriptor):
    assert touched(opened(descriptor)) == []
    assert touched(act("os.truncate", fd=descriptor, length=0)) == []


def test_truncate_takes_a_path_in_its_argument_fd():
    assert touched(act("os.truncate", fd="/a", length=0)) == [(WRITE, "/a")]


def test_listing_nothing_lists_the_working_directory():
    assert touched(act("os.listdir", path=None), "/srv") == [(READ, "/srv")]


@pytest.mark.parametrize(
    "behaviour",
    [
        opened("data"),
        act("os.remove", path="data", dir_fd=5),
        act("os.rename", src="data", dst="/b", src_dir_fd=5, dst_dir_fd=-1),
        act("glob.glob/2", pathname="*.txt", recursive=False, root_dir="/etc", dir_fd=None),
        act("os.mkdir", path="<pathlib.PosixPath>", mode=0, dir_fd=-1),
        act("os.mkdir", path=["/a"], mode=0, dir_fd=-1),
        act("os.mkdir", mode=0, dir_fd=-1),
        act("sqlite3.connect", database="file:/srv/..%2fetc/x?mode=ro"),
    ],
)
def test_a_path_that_cannot_be_told_is_none(behaviour):
    found = find_touched(behaviour, TABLES, "/srv" if behaviour.name != "open" else None)

    assert found[0].thing is None
    assert found[0].why


def test_an_absolute_path_needs_no_descriptor():
    assert touched(act("os.remove", path="/a", dir_fd=5)) == [(WRITE, "/a")]


def test_a_link_starts_from_its_own_folder():
    behaviour = act("os.symlink", src="../x", dst="/srv/app/link", dir_fd=-1)

    assert touched(behaviour, "/elsewhere") == [(READ, "/srv/x"), (WRITE, "/srv/app/link")]


def test_a_database_in_memory_is_no_file():
    assert touched(act("sqlite3.connect", database=":memory:")) == []


def test_a_database_is_read_and_written():
    assert touched(act("sqlite3.connect", database="/a.db")) == [(READ, "/a.db"), (WRITE, "/a.db")]


def test_a_cut_argument_makes_all_untold():
    found = find_touched(opened("/srv/x", is_truncated=True), TABLES, None)

    assert [(item.thing, item.why) for item in found] == [(None, "an argument was cut")]


def test_sending_to_the_connected_peer_touches_nothing_new():
    assert touched(act("socket.sendmsg", self="<socket>", address=None)) == []


def test_a_connect_touches_its_peer():
    ((key, peer),) = touched(act("socket.connect", self="<socket>", address="10.0.0.1:80"))

    assert (key, peer.host, peer.port) == ("network.connect", "10.0.0.1", 80)


def test_host_and_port_in_two_arguments_are_one_peer():
    ((key, peer),) = touched(act("smtplib.connect", self="<SMTP>", host="example.org", port=25))

    assert (key, peer.host, peer.port) == ("network.connect", "example.org", 25)


def test_a_look_up_concerns_both_lists():
    ((connect, bind, peer),) = touched(
        act("socket.getaddrinfo", host="example.org", port=80, family=0, type=0, protocol=0)
    )

    assert (connect, bind, peer.host, peer.port) == ("network.connect", "network.bind", "example.org", None)


def test_a_look_up_of_oneself_touches_nobody():
    assert touched(act("socket.getaddrinfo", host=None, port=80, family=0, type=0, protocol=0)) == []


def test_a_netlink_address_cannot_be_told():
    (found,) = find_touched(act("socket.connect", self="<socket>", address=[0, 0]), TABLES, None)

    assert found.thing is None


def test_the_program_itself_is_no_dll_loaded():
    assert touched(act("ctypes.dlopen", name=None)) == []


@pytest.mark.parametrize(
    "behaviour",
    [
        act("ctypes.dlopen", name="/lib/x.so"),
        act("dlopen", kind="dll-load", category="dll", path="/lib/x.so", flags=1),
        act("numpy._core.x", kind="import", category="dll", path="/lib/x.so"),
        act("numpy._core.x", kind="import", category="dll", filename="/lib/x.so"),
        act("sqlite3.load_extension", connection="<c>", path="/lib/x.so"),
    ],
)
def test_a_dll_is_touched_by_whatever_loads_it(behaviour):
    (found,) = find_touched(behaviour, TABLES, None)

    assert (found.keys, found.thing.file_name, found.thing.path.segments) == (("dlls.load",), "x.so", ("lib", "x.so"))


def test_an_extension_module_whose_file_is_not_known_cannot_be_told():
    (found,) = find_touched(act("numpy._core.x", kind="import", category="dll"), TABLES, None)

    assert (found.keys, found.thing, found.why) == (("dlls.load",), None, "its file is not known")


def test_importing_ctypes_loads_no_dll_of_its_own():
    assert touched(act("ctypes", kind="import")) == []


def test_an_import_of_python_code_touches_nothing():
    assert touched(act("socket", kind="import")) == []
