"""Two real runs and what differs between them: noise is nothing, one planted act is all."""

import json
import shutil
import socket
import subprocess

import jsonschema
import pytest

from tests.interpreters import CHECKOUT, every_python
from tests.kernel.commands import pyxhon, refusal
from tests.kernel.traced import tracing
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

SCHEMA = json.loads((CHECKOUT / "docs/diff.schema.json").read_text())
_ONE = {"min": (3, 12), "max": (3, 12)}  # what a trace says of a version is proven elsewhere; a run takes seconds

# What an extension module needs of Python.h, the same from 3.8 to 3.15: not every interpreter here has its headers.
_EXTENSION = r"""
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct method { const char *name; void *(*function)(void *, void *); int flags; const char *doc; };
struct module { long references; void *type; void *init; long index; void *copy; const char *name; const char *doc;
		long size; struct method *methods; void *slots, *traverse, *clear, *free; };
extern void *PyModule_Create2(struct module *, int);
extern long PyLong_AsLong(void *);
extern void *PyLong_FromLong(long);

static void *call(void *self, void *argument)
{
	int port = (int)PyLong_AsLong(argument), result = 0;
#ifdef PLANTED
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(port) };
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	result = connect(descriptor, (struct sockaddr *)&peer, sizeof(peer));
	close(descriptor);
	result += unlink("/nonexistent/PLANTED");
#endif
	return PyLong_FromLong(port + result);
}

static struct method methods[] = { { "call", call, 8 }, { 0 } };
static struct module definition = { .references = 1, .name = "extension", .size = -1, .methods = methods };

void *PyInit_extension(void)
{
	return PyModule_Create2(&definition, 1013);
}
"""
_PACKAGE = """
import socket

from planted import extension


def fetch(port):
    with open("/etc/hostname"):
        pass
    if not PLANTED:
        socket.socket().connect(("127.0.0.1", port))
    return extension.call(port)
"""
_PROGRAM = """
import sys

sys.path.insert(0, sys.argv[1])
import planted

planted.fetch(int(sys.argv[2]))
"""
_POLICY = """
version: 1
packages:
  planted: {allow: F-N-D-O-B, native: deny}
"""


def differences(*arguments):
    """Run `pyxhon diff`; give its status and what it found."""
    done = pyxhon("diff", *arguments, "--format", "json")
    data = json.loads(done.stdout)
    jsonschema.validate(data, SCHEMA)
    assert done.stderr == b""
    return done.returncode, data


def told(data):
    return [(row["change"], row["item"], row["package"], row["name"]) for row in data["differences"]]


@every_python(**_ONE)
def test_of_two_runs_full_of_noise_only_what_was_planted_differs(python, tmp_path):
    program = tmp_path / "makes_noise.py"  # away from the checkout, whose files belong to the distribution pyxhon
    shutil.copy(PROGRAMS / "makes_noise.py", program)
    for name, arguments in (("a", []), ("b", ["/etc/hostname"])):
        with tracing(tmp_path / f"{name}.pyxhon", python.command(program, *arguments)) as traced:
            assert traced.finish()[0] == 0

    status, data = differences(tmp_path / "a.pyxhon", tmp_path / "b.pyxhon", "--fail-on-new")

    assert (status, told(data)) == (3, [("appeared", "behaviour", "application", "open")])
    assert data["differences"][0]["args"]["path"] == "/etc/hostname"
    assert data["totals"]["folded"]["behaviour"] >= 20
    assert data["totals"]["same"]["behaviour"] >= 80


def _install(folder, version, *, is_planted):
    """Lay a package out as an installer does, in a folder of its own."""
    site = folder / "lib/python3.12/site-packages"
    package, information = site / "planted", site / f"planted-{version}.dist-info"
    package.mkdir(parents=True)
    information.mkdir()
    (package / "__init__.py").write_text(_PACKAGE.replace("PLANTED", str(is_planted)))
    (folder / "extension.c").write_text(_EXTENSION)
    build = ["gcc", "-O1", "-shared", "-fPIC", *(["-DPLANTED"] if is_planted else [])]
    subprocess.run([*build, "-o", package / "extension.so", folder / "extension.c"], check=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: planted\nVersion: {version}\n")
    (information / "RECORD").write_text("planted/__init__.py,,\nplanted/extension.so,,\n")
    return site


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory):
    """Trace a program with a package and with its copy in which native acts are planted."""
    folder = tmp_path_factory.mktemp("versions")
    (folder / "program.py").write_text(_PROGRAM)

    def record(python):
        with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
            port = server.getsockname()[1]
            for name, version in (("a", "1.0"), ("b", "1.1")):
                if not (folder / f"{name}.pyxhon").exists():
                    site = _install(folder / name, version, is_planted=name == "b")
                    command = python.command(folder / "program.py", site, port)
                    with tracing(folder / f"{name}.pyxhon", command) as traced:
                        assert traced.finish()[0] == 0
        return folder / "a.pyxhon", folder / "b.pyxhon"

    return record


@every_python(**_ONE)
def test_a_package_and_its_copy_with_native_acts_differ_in_exactly_those(python, two_versions):
    a, b = two_versions(python)

    _, data = differences(a, b)

    behaviours = [row for row in data["differences"] if row["item"] == "behaviour"]
    assert [(row["change"], row["before"] and row["before"]["name"], row["after"]["name"]) for row in behaviours] == [
        ("appeared", None, "unlink"),
        ("changed", "socket.connect", "connect"),
        ("changed", "socket.__new__", "socket"),
    ]
    for row in behaviours:
        assert row["after"]["levels"] == ["native"]
        assert row["after"]["object"] == str(b.parent / "b/lib/python3.12/site-packages/planted/extension.so")
        assert row["after"]["location"]["function"] == "fetch"
        assert [frame["symbol"] for frame in row["after"]["native_stack"]][1:2] == ["call"]
    assert [row["changes"].get("level") for row in behaviours] == [None, *[["python", "native"]] * 2]
    rest = [row for row in data["differences"] if row["item"] != "behaviour"]
    assert [(row["item"], row["name"].rpartition("/")[2], list(row["changes"])) for row in rest] == [
        ("package", "planted", ["version"]),
        ("dll", "extension.so", ["sha256"]),
        ("ability", "socket.socket", []),  # Python's own way, which the copy still has and does not go
        ("ability", "socket.socket.connect", []),
    ]


@every_python(**_ONE)
def test_a_policy_decides_whether_what_is_new_is_allowed(python, two_versions, tmp_path):
    a, b = two_versions(python)
    (tmp_path / "policy.yaml").write_text(_POLICY)

    status, data = differences(a, b, "--policy", tmp_path / "policy.yaml")
    back, _ = differences(b, a, "--policy", tmp_path / "policy.yaml")

    assert (status, data["new_violations"], back) == (3, 3, 0)


@every_python(**_ONE)
def test_a_trace_and_its_json_report_differ_in_nothing(python, two_versions, tmp_path):
    _, b = two_versions(python)
    assert pyxhon("report", b, "--format", "json", "--report", tmp_path / "b.json").returncode == 0

    status, data = differences(b, tmp_path / "b.json", "--fail-on-new")

    assert (status, told(data), sum(data["totals"]["folded"].values())) == (0, [], 0)


@every_python(**_ONE)
def test_a_trace_that_was_cut_is_refused(python, two_versions, tmp_path):
    a, b = two_versions(python)
    (tmp_path / "cut.pyxhon").write_bytes(b.read_bytes()[: b.stat().st_size // 2])

    assert "damaged" in refusal(pyxhon("diff", a, tmp_path / "cut.pyxhon"))


_ORDERED = """
import os, socket, sys

def read(path):
    with open(path):
        pass

def connect(port):
    with socket.socket() as peer:
        peer.connect_ex(("127.0.0.1", int(port)))

acts = {"read": read, "connect": connect}
for act in sys.argv[1].split(","):
    name, _, argument = act.partition(":")
    acts[name](argument)
"""


@every_python(**_ONE)
def test_the_same_acts_in_a_telling_order_differ_in_that_sequence_alone(python, tmp_path):
    secret, program = tmp_path / ".ssh/id_rsa", tmp_path / "ordered.py"
    secret.parent.mkdir()
    secret.touch()
    program.write_text(_ORDERED)
    (tmp_path / "policy.yaml").write_text("version: 1\nextends: [builtin:sequences]\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        acts = f"connect:{server.getsockname()[1]}", f"read:{secret}"
        for name, order in (("a", acts), ("b", acts[::-1])):
            with tracing(tmp_path / f"{name}.pyxhon", python.command(program, ",".join(order))) as traced:
                assert traced.finish()[0] == 0
    a, b = tmp_path / "a.pyxhon", tmp_path / "b.pyxhon"
    appeared = [("appeared", "sequence", "application", "secret then network")]

    plain, data = differences(a, b)
    new, _ = differences(a, b, "--fail-on-new")
    judged, against = differences(a, b, "--policy", tmp_path / "policy.yaml")
    back, other = differences(b, a, "--policy", tmp_path / "policy.yaml")

    assert (plain, told(data), new) == (0, appeared, 3)
    assert [step["name"] for step in data["differences"][0]["args"]["steps"]] == ["open", "socket.connect"]
    assert (judged, told(against), against["new_violations"]) == (3, appeared, 1)
    assert (back, [row["change"] for row in other["differences"]]) == (0, ["vanished"])
    for form in ("text", "markdown"):
        shown = b" ".join(pyxhon("diff", a, b, "--format", form).stdout.split())  # lines are broken at blanks
        assert b"secret then network: open path=" in shown
