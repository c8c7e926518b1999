"""The policies that come with PyXhon say what table II of the paper says."""

import pytest

from pyxhon.policy.judge import judge, summarize
from pyxhon.policy.parse import list_builtin_policies, load_policy
from tests.unit.policy.behaviours import act, opened


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
