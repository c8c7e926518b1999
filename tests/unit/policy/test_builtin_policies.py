"""The policies that come with PyXhon say what table II of the paper says."""

import dataclasses

import pytest

from pyxhon.join import Owner
from pyxhon.policy.judge import judge, summarize
from pyxhon.policy.parse import list_builtin_policies, load_policy
from tests.unit.policy.behaviours import act, called, opened


@pytest.mark.parametrize(
    "name, package, letters",
    [
        ("numpy", "numpy", "D-O-B"),
        ("cx_Freeze", "cx_Freeze", "F-O-B"),
        ("pyisbn", "pyisbn", "None"),
        ("Pyro4", "Pyro4", "N-O-B"),
        ("Pyro5", "Pyro5", "N-O-B"),
        ("MDP", "MDP", "F-D-O-B"),
        ("crcmod", "crcmod", "D-O"),
        ("xlrd", "xlrd3", "F-O"),
    ],
)
def test_a_policy_has_the_papers_letters(name, package, letters):
    entries = {entry.key.text: entry.allow.shorthand for entry in load_policy(f"builtin:{name}").packages}

    assert entries[package] == letters


def test_every_policy_can_be_read():
    assert len(list_builtin_policies()) >= 10
    for name in list_builtin_policies():
        policy = load_policy(f"builtin:{name}")
        assert policy.packages or policy.sequences


@pytest.mark.parametrize(
    "name, package, acts, suggestion, violations",
    [
        (
            "numpy",
            "numpy",
            [("ctypes", "import"), ("sys", "import"), ("builtins", "import"), ("io", "import")],
            "Accept",
            {},
        ),
        (
            "cx_Freeze",
            "cx_Freeze",
            [("shutil", "import"), ("socket", "import"), ("socket.gethostname", "audit"), ("sys", "import")],
            "CodeReview",
            {"network": 2},
        ),
        ("pyisbn", "pyisbn", [("email", "import")], "CodeReview", {"network": 1}),
        (
            "Pyro4",
            "Pyro4",
            [("socket", "import"), ("sys", "import"), ("ctypes", "import"), ("zlib", "import")],
            "CodeReview",
            {"dll": 1},
        ),
        ("MDP", "mdp", [("tempfile", "import"), ("ctypes", "import"), ("os", "import")], "Accept", {}),
        ("crcmod", "crcmod", [("sys", "import")], "Accept", {}),
        ("xlrd", "xlrd3", [("zipfile", "import"), ("mmap", "import"), ("sys", "import")], "Accept", {}),
    ],
)
def test_table_two_comes_out_again(name, package, acts, suggestion, violations):
    policy = load_policy(f"builtin:{name}")

    (found,) = summarize(judge([act(each, kind=kind, owner=package) for each, kind in acts], policy), policy)

    assert found.suggestion == suggestion
    assert {key: use.violations for key, use in found.categories.items() if use.violations} == violations


def test_under_the_strict_policy_only_the_application_may_act():
    policy = load_policy("builtin:strict")
    acts = [
        opened("/a", owner="requests"),
        opened("/a", owner="application", origin="application"),
        opened("/a", owner="stdlib", origin="stdlib"),
        opened("/a", owner="libfoo.so", origin="dll"),
        opened("/a", owner="unknown", origin="unknown"),
    ]

    assert [judged.verdict for judged in judge(acts, policy)] == [
        "violation",
        "allowed",
        "allowed",
        "violation",
        "violation",
    ]


def test_numpy_may_read_which_processor_there_is():
    policy = load_policy("builtin:numpy")
    acts = [opened("/proc/cpuinfo"), opened("/sys/devices/system/cpu/online"), opened("/etc/passwd")]

    assert [judged.verdict for judged in judge(acts, policy)] == ["allowed", "allowed", "violation"]


@pytest.mark.parametrize(
    "name, package, allowed, violations",
    [
        (
            "requests",
            "requests",
            [act("netrc", kind="import"), opened("/root/.netrc")],
            [opened("/root/.ssh/id_rsa"), opened("/srv/x", "w"), act("os.system", command="x")],
        ),
        (
            "requests",
            "urllib3",
            [act("socket.connect", address="10.1.2.3:443"), opened("/etc/ssl/certs/ca-certificates.crt")],
            [
                opened("/etc/passwd"),
                act("subprocess.Popen", executable="sh", args=["sh"]),
                called("connect", addr="1.1.1.1:1"),
            ],
        ),
        (
            "flask",
            "Flask",
            [opened("/srv/app/templates/a.html")],
            [opened("/srv/app/x", "w"), act("socket.connect", address="1.1.1.1:80"), act("os.system", command="x")],
        ),
        ("flask", "jinja2", [act("exec", code="<module>"), opened("/c", "w")], [act("os.system", command="x")]),
        (
            "gunicorn",
            "gunicorn",
            [act("os.fork"), act("socket.bind", address="0.0.0.0:8000"), opened("/tmp/wgunicorn-abc", "w")],
            [opened("/etc/shadow"), opened("/srv/app/app.py", "w"), act("exec", code="<module>")],
        ),
        (
            "django",
            "django",
            [opened("/srv/app/media/x", "w"), act("subprocess", kind="import")],
            [act("subprocess.Popen", executable="sh", args=["sh"]), act("socket.connect", address="1.1.1.1:80")],
        ),
        (
            "sqlalchemy",
            "SQLAlchemy",
            [act("exec", code="<module>"), act("sqlite3.connect", database="/srv/a.db")],
            [opened("/etc/passwd"), act("os.system", command="x")],
        ),
        (
            "pandas",
            "pandas",
            [opened("/srv/a.csv"), act("exec", code="<module>")],
            [act("urllib.Request", fullurl="http://a.b/x.csv", data=None, headers={}, method="GET")],
        ),
        ("pyyaml", "PyYAML", [act("io", kind="import")], [act("os.system", command="x"), opened("/etc/passwd")]),
        (
            "cryptography",
            "cryptography",
            [opened("/usr/lib/ssl/openssl.cnf")],
            [opened("/root/.ssh/id_rsa"), opened("/k.pem", "w"), act("socket.connect", address="1.1.1.1:1")],
        ),
        ("pillow", "Pillow", [opened("/a.png", "w")], [act("subprocess.Popen", executable="display", args=["x"])]),
        (
            "lxml",
            "lxml",
            [called("openat", path="/srv/a.xml", flags=0)],
            [called("connect", addr="1.1.1.1:80"), act("os.system", command="x")],
        ),
        (
            "redis",
            "redis",
            [act("socket.connect", address="10.0.0.1:6379")],
            [act("socket.connect", address="10.0.0.1:80"), opened("/x", "w")],
        ),
        (
            "psycopg",
            "psycopg-binary",
            [called("connect", addr="10.0.0.1:5432"), called("openat", path="/root/.pgpass", flags=0)],
            [called("connect", addr="10.0.0.1:80"), act("os.system", command="x")],
        ),
    ],
)
def test_a_policy_of_a_common_package_allows_what_it_is_for(name, package, allowed, violations):
    policy = load_policy(f"builtin:{name}")
    acts = [dataclasses.replace(each, owner=Owner(package, None, "distribution")) for each in (*allowed, *violations)]

    verdicts = [row.verdict for row in judge(acts, policy)]

    assert verdicts == ["allowed"] * len(allowed) + ["violation"] * len(violations)
