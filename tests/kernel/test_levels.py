"""The same act at Python level, by an extension module, through ctypes and by a thread of C is told apart."""

import json
import socket
import subprocess

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.commands import pyxhon
from tests.kernel.traced import tracing, unexplained_losses
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

_LIBRARY = r"""
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

int call_home(int port)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(port) };
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	int result = connect(descriptor, (struct sockaddr *)&peer, sizeof(peer));
	close(descriptor);
	return result;
}

static void *run(void *port)
{
	call_home((int)(long)port);
	return 0;
}

int call_home_later(int port)
{
	pthread_t thread;
	pthread_create(&thread, 0, run, (void *)(long)port);
	return pthread_join(thread, 0);
}

__attribute__((constructor)) static void begin(void)
{
	int removed = unlink("/nonexistent/CONSTRUCTOR");
	if (removed == 7)
		_exit(removed);
}
"""

# What an extension module needs of Python.h, the same from 3.8 to 3.15: not every interpreter here has its headers.
_EXTENSION = r"""
struct method { const char *name; void *(*function)(void *, void *); int flags; const char *doc; };
struct module { long references; void *type; void *init; long index; void *copy; const char *name; const char *doc;
		long size; struct method *methods; void *slots, *traverse, *clear, *free; };
extern void *PyModule_Create2(struct module *, int);
extern long PyLong_AsLong(void *);
extern void *PyLong_FromLong(long);
extern int call_home(int);

static void *call(void *self, void *port)
{
	return PyLong_FromLong(call_home((int)PyLong_AsLong(port)));
}

static struct method methods[] = { { "call", call, 8 }, { 0 } };
static struct module definition = { .references = 1, .name = "extension", .size = -1, .methods = methods };

void *PyInit_extension(void)
{
	return PyModule_Create2(&definition, 1013);
}
"""

_PROGRAM = """
import ctypes, socket, sys
port = int(sys.argv[1])
sys.path.insert(0, sys.argv[2])
import extension                                        # line 5
library = ctypes.CDLL(sys.argv[2] + "/library.so")
plain = ctypes.CDLL(None)
peer = bytes([2, 0]) + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
caller = socket.socket()
calls = [
    (caller.connect, ("127.0.0.1", port)),
    (extension.call, port),
    (library.call_home, port),
    (library.call_home_later, port),
]
for call, argument in calls:
    call(argument)                                      # line 17
plain.connect(plain.socket(2, 1, 0), peer, 16)          # line 18
"""


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """Build a DLL and an extension module that holds the same code."""
    folder = tmp_path_factory.mktemp("levels")
    (folder / "library.c").write_text(_LIBRARY)
    (folder / "extension.c").write_text(_EXTENSION)
    build = ["gcc", "-O1", "-fno-optimize-sibling-calls", "-shared", "-fPIC", "-pthread"]
    for name, sources in (("library", ["library.c"]), ("extension", ["extension.c", "library.c"])):
        subprocess.run([*build, "-o", f"{name}.so", *sources], cwd=folder, check=True)
    return folder


@every_python()
def test_one_connect_five_ways(python, tmp_path, libraries):
    program, report = tmp_path / "program.py", tmp_path / "report.json"
    program.write_text(_PROGRAM)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        port = server.getsockname()[1]
        options = ["--format", "json", "--report", str(report)]
        with tracing(tmp_path / "t.pyxhon", python.command(program, port, libraries), *options) as traced:
            status, _, complained = traced.finish()

    assert status == 0, complained
    data = json.loads(report.read_text())
    connects = [row for row in data["behaviours"] if _is_connect(row, port)]
    own, extension = str(libraries / "library.so"), str(libraries / "extension.so")
    assert {_tell(row) for row in connects if row["level"] != "python"} == {
        ("syscall", "native", extension, 17),
        ("syscall", "native", own, 17),
        ("syscall", "detached", own, 17),
        ("syscall", "native", "_ctypes", 18),
    }
    (python_level,) = [row for row in connects if row["level"] == "python"]
    assert (python_level["name"], python_level["location"]["line"]) == ("socket.connect", 17)
    assert {"audit", "syscall"} <= set(python_level["signals"])
    assert [row["count"] for row in connects] == [1] * 5
    assert _constructors(data) == {(extension, 5), (own, 6)}
    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert unexplained_losses(reader, python) == []


@every_python()
def test_what_pythons_own_functions_do_is_no_second_act(python, tmp_path):
    folder, report = tmp_path / "work", tmp_path / "report.json"
    folder.mkdir()
    options = ("run", "-q", "--format", "json", "--report", report, "-o", tmp_path / "t.pyxhon")

    done = pyxhon(*options, "--", *python.command(PROGRAMS / "explained_calls.py", folder))

    assert (done.returncode, done.stderr) == (0, b"")
    data = json.loads(report.read_text())
    second = [
        (row["python_stack"][-2]["function"], row["name"], row["args"], row["object"])
        for row in data["behaviours"]
        if row["level"] != "python" and row["python_stack"][1:] and _is_explained(row)
    ]
    assert second == []


def _is_explained(row):
    return row["python_stack"][-2]["function"].startswith("explained_")


def _is_connect(row, port):
    address = row["args"].get("addr", row["args"].get("address"))
    return row["name"] in {"connect", "socket.connect"} and address == f"127.0.0.1:{port}"


def _tell(row):
    path = "_ctypes" if "_ctypes" in str(row["object"]) else row["object"]
    return row["kind"], row["level"], path, row["location"]["line"]


def _constructors(data):
    rows = [row for row in data["behaviours"] if row["args"].get("path") == "/nonexistent/CONSTRUCTOR"]
    return {(row["object"], row["location"]["line"]) for row in rows if row["level"] == "native"}
