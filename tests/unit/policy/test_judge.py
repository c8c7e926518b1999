"""The most specific rule decides: a name or a list before a category, a package before *, deny before allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.categories import CATEGORIES
from pyxhon.join import Owner
from pyxhon.policy.judge import judge, summarize
from pyxhon.policy.parse import load_policy
from tests.unit.policy.behaviours import act, judge_one, opened, verdict, write_policy

CONNECT = act("socket.connect", self="<socket>", address="10.0.0.1:80")
SYSTEM = act("os.system", command="id")


def test_a_category_of_the_list_is_allowed(tmp_path):
    judged = judge_one(tmp_path, "  numpy:\n    allow: D-O-B", SYSTEM)

    assert (judged.verdict, judged.rule) == ("allowed", f"{tmp_path}/p.yaml:4 packages.numpy.allow")
    assert judged.reason == "os is in D-O-B"


def test_a_category_beyond_the_list_is_a_violation(tmp_path):
    judged = judge_one(tmp_path, "  numpy:\n    allow: D-O-B", CONNECT)

    assert (judged.verdict, judged.rule) == ("violation", f"{tmp_path}/p.yaml:4 packages.numpy.allow")
    assert judged.reason == "network is not in D-O-B"


def test_without_an_entry_nothing_is_judged(tmp_path):
    judged = judge_one(tmp_path, "  pandas: {allow: D-O-B}", CONNECT)

    assert (judged.verdict, judged.rule) == ("unjudged", None)


def test_without_a_rule_for_it_an_act_is_unjudged(tmp_path):
    assert verdict(tmp_path, "  numpy: {functions: {deny: [os.system]}}", CONNECT) == "unjudged"


@pytest.mark.parametrize(
    "key, owner, origin, expected",
    [
        ("cx_Freeze", "cx-freeze", "distribution", True),
        ("cx.freeze", "cx_Freeze", "distribution", True),
        ("numpy", "numpy-financial", "distribution", False),
        ("flask-*", "Flask_Login", "distribution", True),
        ("flask-*", "flask", "distribution", False),
        ("application", "application", "application", True),
        ("application", "application", "distribution", False),
        ("stdlib", "stdlib", "distribution", False),
        ("numpy", "numpy", "dll", False),
        ("libfoo.so*", "libfoo.so.1", "dll", True),
        ("libfoo.so*", "libfoo.so.1", "distribution", False),
        ("lib*", "libfoo.so.1", "dll", False),
        ("unknown", "unknown", "unknown", True),
        ("'*'", "whatever", "unknown", True),
        ("'*'", "stdlib", "stdlib", True),
    ],
)
def test_an_entry_covers_whom_it_names(tmp_path, key, owner, origin, expected):
    behaviour = act("os.system", command="id", owner=owner, origin=origin)

    assert (verdict(tmp_path, f"  {key}: {{allow: O}}", behaviour) == "allowed") is expected


@pytest.mark.parametrize(
    "packages, expected",
    [
        ("  numpy: {allow: O, functions: {deny: [os.system]}}", "violation"),
        ("  numpy: {allow: None, functions: {allow: [os.system]}}", "allowed"),
        ("  numpy: {functions: {deny: [os.system], allow: [os.system]}}", "violation"),
        ("  numpy: {functions: {deny: ['os.*'], allow: [os.system]}}", "allowed"),
        ("  numpy: {functions: {deny: [os.system], allow: ['os.*']}}", "violation"),
        ("  numpy: {functions: {deny: ['os.s*'], allow: ['os.sy*']}}", "allowed"),
        ("  '*': {functions: {deny: [os.system]}}\n  numpy: {allow: O}", "violation"),
        ("  '*': {functions: {deny: [os.system]}}\n  numpy: {functions: {allow: ['*']}}", "allowed"),
        ("  '*': {functions: {allow: [os.system]}}\n  numpy: {functions: {deny: ['*']}}", "violation"),
        ("  '*': {functions: {allow: [os.system]}}\n  numpy: {allow: None}", "allowed"),
        ("  '*': {allow: O}\n  numpy: {allow: None}", "violation"),
        ("  '*': {allow: None}\n  numpy: {allow: O}", "allowed"),
        ("  '*': {allow: None}\n  'num*': {allow: O}", "allowed"),
        ("  'num*': {allow: O}\n  'nump*': {allow: None}", "violation"),
        ("  'numpy*': {allow: None}\n  numpy: {allow: O}", "allowed"),
        ("  'num*': {allow: O}\n  '*mpy': {allow: None}", "violation"),
        ("  'num*': {functions: {allow: [os.system]}}\n  '*mpy': {functions: {deny: [os.system]}}", "violation"),
    ],
)
def test_the_most_specific_rule_for_a_function_decides(tmp_path, packages, expected):
    assert verdict(tmp_path, packages, SYSTEM) == expected


@pytest.mark.parametrize(
    "denied, behaviour, expected",
    [
        ("socket.connect", CONNECT, "violation"),
        ("socket.socket.connect", CONNECT, "violation"),
        ("socket.socket.*", CONNECT, "violation"),
        ("socket.socket.send", CONNECT, "unjudged"),
        ("os.unlink", act("os.remove", path="/a", dir_fd=-1), "violation"),
        ("eval", act("exec", code_object="<code x>"), "violation"),
        ("builtins.eval", act("exec", code_object="<code x>"), "violation"),
        ("os.open", opened("/a", mode=None), "violation"),
        ("os.open", opened("/a"), "unjudged"),
        ("os.*", opened("/a"), "unjudged"),
        ("open", opened("/a"), "violation"),
        ("subprocess.run", act("subprocess.Popen", executable="id", args=["id"], cwd=None, env=None), "violation"),
        ("socket.socket.send", act("socket.socket.send", kind="call", category="network"), "violation"),
        ("dlopen", act("dlopen", kind="dll-load", category="dll", path="/x.so"), "violation"),
        ("time.sleep", act("time.sleep", seconds=1), "violation"),
    ],
)
def test_a_function_is_denied_by_its_own_name_or_its_events(tmp_path, denied, behaviour, expected):
    assert verdict(tmp_path, f"  numpy: {{functions: {{deny: ['{denied}']}}}}", behaviour) == expected


@pytest.mark.parametrize(
    "allowed, behaviour, expected",
    [
        ("[socket.connect]", CONNECT, "allowed"),
        ("[socket.socket.connect]", CONNECT, "violation"),
        ("[socket.socket.connect, socket.socket.connect_ex]", CONNECT, "allowed"),
        ("['socket.socket.*']", CONNECT, "allowed"),
        ("[eval]", act("exec", code_object="<code x>"), "violation"),
        ("[exec]", act("exec", code_object="<code x>"), "allowed"),
    ],
)
def test_a_function_is_allowed_only_when_every_function_it_may_be_is(tmp_path, allowed, behaviour, expected):
    assert verdict(tmp_path, f"  numpy: {{allow: None, functions: {{allow: {allowed}}}}}", behaviour) == expected


@pytest.mark.parametrize(
    "packages, expected",
    [
        ("  numpy: {allow: N, modules: {deny: [smtplib]}}", "violation"),
        ("  numpy: {allow: None, modules: {allow: [smtplib]}}", "allowed"),
        ("  numpy: {allow: N, functions: {deny: [smtplib]}}", "allowed"),
        ("  numpy: {modules: {deny: ['*'], allow: [smtplib]}}", "allowed"),
    ],
)
def test_modules_rule_imports(tmp_path, packages, expected):
    assert verdict(tmp_path, packages, act("smtplib", kind="import")) == expected


def test_a_module_rule_means_its_submodules_and_the_nearest_decides(tmp_path):
    packages = "  numpy: {modules: {deny: [http], allow: [http.client]}}"

    assert verdict(tmp_path, packages, act("http.server", kind="import")) == "violation"
    assert verdict(tmp_path, packages, act("http.client", kind="import")) == "allowed"


def test_an_act_without_a_category_is_decided_by_name_alone(tmp_path):
    thread = act("_thread.start_new_thread", function="f", args=[], kwargs=None)

    assert verdict(tmp_path, "  numpy: {allow: None}", thread) == "unjudged"
    assert verdict(tmp_path, "  numpy: {functions: {deny: ['_thread.*']}}", thread) == "violation"
    assert verdict(tmp_path, "  numpy: {modules: {deny: [json]}}", act("json", kind="import")) == "violation"


FILES = "    files: {read: [/proc/cpuinfo, '/srv/**'], write: ['/tmp/**']}"


@pytest.mark.parametrize(
    "behaviour, expected",
    [
        (opened("/proc/cpuinfo"), "allowed"),
        (opened("/srv/a/b"), "allowed"),
        (opened("/srv/../etc/passwd"), "violation"),
        (opened("/etc/passwd"), "violation"),
        (opened("/srv/a", "w"), "violation"),
        (opened("/tmp/a", "w"), "allowed"),
        (opened("/tmp/a"), "violation"),
        (opened("/tmp/a", "r+"), "violation"),
        (act("shutil.copyfile", src="/srv/a", dst="/tmp/a"), "allowed"),
        (act("shutil.copyfile", src="/srv/a", dst="/srv/b"), "violation"),
        (act("shutil.copyfile", src="/etc/shadow", dst="/tmp/a"), "violation"),
        (act("os.symlink", src="/etc/shadow", dst="/tmp/a", dir_fd=-1), "violation"),
        (opened("relative"), "violation"),
        (opened("/srv/a", is_truncated=True), "violation"),
        (opened(3), "unjudged"),
        (SYSTEM, "allowed"),
        (act("pathlib", kind="import"), "violation"),
    ],
)
def test_lists_of_files_allow_what_they_match_and_nothing_else(tmp_path, behaviour, expected):
    assert verdict(tmp_path, f"  numpy:\n    allow: D-O-B\n{FILES}", behaviour) == expected


def test_the_matching_entry_of_a_list_is_named(tmp_path):
    judged = judge_one(tmp_path, f"  numpy:\n    allow: D-O-B\n{FILES}", opened("/srv/a"))

    assert judged.rule == f"{tmp_path}/p.yaml:5 packages.numpy.files.read: /srv/**"
    assert judged.reason == "/srv/a is in the list"


def test_a_miss_names_the_list(tmp_path):
    judged = judge_one(tmp_path, f"  numpy:\n    allow: F\n{FILES}", opened("/etc/passwd"))

    assert judged.rule == f"{tmp_path}/p.yaml:5 packages.numpy.files.read"
    assert judged.reason == "/etc/passwd is not in the list"


def test_a_cut_path_says_so(tmp_path):
    judged = judge_one(tmp_path, f"  numpy:\n    allow: F\n{FILES}", opened("/srv/a", is_truncated=True))

    assert judged.reason == "/srv/a cannot be held against the list: an argument was cut"


def test_a_cut_path_without_a_list_is_its_categorys(tmp_path):
    assert verdict(tmp_path, "  numpy: {allow: F}", opened("/srv/a", is_truncated=True)) == "allowed"


def test_an_empty_list_allows_nothing(tmp_path):
    judged = judge_one(tmp_path, "  numpy: {allow: F, files: {write: []}}", opened("/tmp/a", "w"))

    assert (judged.verdict, judged.reason) == ("violation", "the list is empty")


def test_a_list_for_writing_leaves_reading_to_the_category(tmp_path):
    packages = "  numpy: {allow: F, files: {write: ['/tmp/**']}}"

    assert verdict(tmp_path, packages, opened("/etc/hosts")) == "allowed"


def test_a_match_of_half_an_act_does_not_allow_the_whole(tmp_path):
    packages = "  numpy: {allow: None, files: {write: ['/tmp/**']}}"

    assert verdict(tmp_path, packages, act("shutil.copyfile", src="/etc/shadow", dst="/tmp/a")) == "violation"
    assert verdict(tmp_path, packages, opened("/tmp/a", "w")) == "allowed"


def test_a_relative_path_is_held_against_the_list_where_the_directory_is_known(tmp_path):
    packages = f"  numpy:\n    allow: D\n{FILES}"

    assert verdict(tmp_path, packages, opened("a"), {1: "/srv"}) == "allowed"
    assert verdict(tmp_path, packages, opened("../etc/passwd"), {1: "/srv"}) == "violation"
    assert verdict(tmp_path, packages, opened("a", process=2), {1: "/srv"}) == "violation"


@pytest.mark.parametrize(
    "packages, expected",
    [
        ("  numpy: {files: {read: [/a]}, functions: {deny: [open]}}", "violation"),
        ("  numpy: {files: {read: [/b]}, functions: {allow: [open]}}", "violation"),
        ("  numpy: {files: {read: [/a]}, functions: {allow: [open]}}", "allowed"),
        ("  '*': {files: {read: [/b]}}\n  numpy: {files: {read: [/a]}}", "allowed"),
        ("  '*': {files: {read: [/a]}}\n  numpy: {files: {read: [/b]}}", "violation"),
        ("  '*': {files: {read: [/a]}}\n  numpy: {allow: None}", "allowed"),
        ("  '*': {files: {read: [/b]}}\n  numpy: {allow: F}", "allowed"),
        ("  '*': {files: {read: [/b]}, allow: F}\n  numpy: {functions: {deny: [os.system]}}", "violation"),
        ("  '*': {files: {read: [/b]}}\n  numpy: {functions: {allow: [open]}}", "allowed"),
        ("  '*': {functions: {deny: [open]}}\n  numpy: {files: {read: [/a]}}", "allowed"),
        ("  '*': {functions: {deny: [open]}}\n  numpy: {files: {read: [/b]}}", "violation"),
        ("  '*': {files: {read: [/a]}}\n  numpy: {functions: {deny: [open]}}", "violation"),
        ("  'num*': {files: {read: [/a]}}\n  '*mpy': {files: {read: [/b]}}", "violation"),
    ],
)
def test_lists_and_names_are_weighed_by_package(tmp_path, packages, expected):
    assert verdict(tmp_path, packages, opened("/a")) == expected


@pytest.mark.parametrize(
    "behaviour, expected",
    [
        (act("socket.connect", self="s", address="127.0.0.1:5000"), "allowed"),
        (act("socket.connect", self="s", address="10.0.0.1:443"), "violation"),
        (act("http.client.connect", self="s", host="api.example.org", port=443), "allowed"),
        (act("http.client.connect", self="s", host="api.example.org", port=80), "violation"),
        (act("socket.getaddrinfo", host="api.example.org", port=443, family=0, type=0, protocol=0), "allowed"),
        (act("socket.getaddrinfo", host="0.0.0.0", port=8000, family=0, type=0, protocol=0), "allowed"),
        (act("socket.getaddrinfo", host="evil.org", port=443, family=0, type=0, protocol=0), "violation"),
        (act("urllib.Request", fullurl="https://a.example.org/", data=None, headers={}, method="GET"), "allowed"),
        (act("urllib.Request", fullurl="file:///etc/passwd", data=None, headers={}, method="GET"), "violation"),
        (act("socket.bind", self="s", address="0.0.0.0:8000"), "allowed"),
        (act("socket.bind", self="s", address="0.0.0.0:22"), "violation"),
        (act("socket.connect", self="s", address="unix:/run/x"), "violation"),
        (act("socket.gethostname"), "violation"),
    ],
)
def test_lists_of_peers_allow_what_they_match_and_nothing_else(tmp_path, behaviour, expected):
    packages = (
        "  numpy:\n    allow: None\n"
        "    network: {connect: ['127.0.0.0/8:*', '*.example.org:443'], bind: ['0.0.0.0:8000']}"
    )

    assert verdict(tmp_path, packages, behaviour) == expected


def test_lists_of_dlls_allow_what_they_match_and_nothing_else(tmp_path):
    packages = "  numpy: {allow: D, dlls: {load: ['*openblas*', '/usr/lib/**']}}"

    assert verdict(tmp_path, packages, act("ctypes.dlopen", name="libopenblas.so")) == "allowed"
    assert verdict(tmp_path, packages, act("ctypes.dlopen", name="/usr/lib/x.so")) == "allowed"
    assert verdict(tmp_path, packages, act("ctypes.dlopen", name="/tmp/evil.so")) == "violation"
    assert verdict(tmp_path, packages, act("x", kind="import", category="dll", path="/tmp/x.so")) == "violation"


@pytest.mark.parametrize("name", ["socket.connect", "socket.socket.connect"])
def test_a_cut_event_of_cpython_is_denied_and_allowed_by_name(tmp_path, name):
    cut = act("socket.connect", self="s", address="10.0.0.1:80", is_truncated=True)

    assert verdict(tmp_path, f"  numpy: {{functions: {{deny: [{name}]}}}}", cut) == "violation"
    assert verdict(tmp_path, "  numpy: {allow: None, functions: {allow: [socket.connect]}}", cut) == "allowed"


def test_a_cut_name_is_never_allowed_by_name(tmp_path):
    cut = act("my.event.wit", is_truncated=True, category="os")
    packages = "  numpy: {allow: None, functions: {allow: ['my.*']}}"

    assert verdict(tmp_path, packages, cut) == "violation"
    assert verdict(tmp_path, "  numpy: {allow: O, functions: {deny: ['my.*']}}", cut) == "violation"


def test_a_cut_module_is_never_allowed_by_name(tmp_path):
    cut = act("http.clie", kind="import", is_truncated=True)

    assert verdict(tmp_path, "  numpy: {allow: None, modules: {allow: [http]}}", cut) == "violation"


_NAMES = st.sampled_from(["os.system", "os.*", "os.s*", "*", "os.kill"])
_RULES = st.fixed_dictionaries(
    {}, optional={"deny": st.lists(_NAMES, max_size=3), "allow": st.lists(_NAMES, max_size=3)}
)
_ENTRY = st.tuples(st.none() | st.sets(st.sampled_from(CATEGORIES)), _RULES)


@given(st.dictionaries(st.sampled_from(["numpy", "num*", "nu*", "*", "pandas"]), _ENTRY, min_size=1))
def test_precedence_is_explicit_then_package_then_pattern_then_deny(tmp_path_factory, entries):
    lines = []
    candidates = []
    for key, (allow, rules) in entries.items():
        deny, also = rules.get("deny", []), rules.get("allow", [])
        lines.append(f"  '{key}':\n    reason: x\n    functions: {{deny: {deny}, allow: {also}}}")
        if allow is not None:
            lines.append(f"    allow: {sorted(allow)}")
        if key == "pandas":
            continue
        package = (2, 0) if key == "numpy" else (1, len(key) - 1) if key != "*" else (0, 0)
        for verb, patterns in rules.items():
            for pattern in patterns:
                if pattern != "os.kill":
                    literal = len(pattern.replace("*", ""))
                    candidates.append((1, package, ("*" not in pattern, literal), verb == "deny"))
        if allow is not None:
            candidates.append((0, package, (False, 0), "os" not in allow))
    expected = "unjudged" if not candidates else "violation" if max(candidates)[3] else "allowed"

    found = verdict(tmp_path_factory.getbasetemp(), "\n".join(lines), SYSTEM)

    assert found == expected


def summary(tmp_path, packages, behaviours, owners=()):
    policy = load_policy(write_policy(tmp_path, packages))
    return summarize(judge(behaviours, policy), policy, owners)


def test_a_package_is_summed_up_by_category_and_level(tmp_path):
    acts = [
        CONNECT,
        act("socket.bind", self="s", address="0.0.0.0:1", level="native"),
        SYSTEM,
        act("os.kill", pid=1, sig=9, level="detached"),
        act("os.kill", pid=1, sig=9, level="detached", process=2),
    ]

    (found,) = summary(tmp_path, "  numpy: {allow: O, reason: it computes}", acts)

    network, os_ = found.categories["network"], found.categories["os"]
    assert (network.status, network.python, network.native, network.detached, network.violations) == (
        "violation",
        1,
        1,
        0,
        2,
    )
    assert (os_.status, os_.python, os_.native, os_.detached, os_.violations) == ("allowed", 1, 0, 1, 0)
    assert found.categories["file"].status == "none"
    assert (found.policy, found.suggestion, found.reason) == ("O", "CodeReview", "it computes")


def test_a_package_without_a_violation_is_accepted(tmp_path):
    (found,) = summary(tmp_path, "  numpy: {allow: O}", [SYSTEM])

    assert (found.policy, found.suggestion) == ("O", "Accept")


def test_a_package_without_an_entry_gets_no_suggestion(tmp_path):
    (found,) = summary(tmp_path, "  pandas: {allow: O}", [SYSTEM])

    assert (found.policy, found.suggestion, found.categories["os"].status) == (None, None, "unjudged")


def test_a_denied_act_without_a_category_needs_review(tmp_path):
    (found,) = summary(tmp_path, "  numpy: {functions: {deny: [time.sleep]}}", [act("time.sleep", seconds=1)])

    assert (found.policy, found.suggestion) == (None, "CodeReview")


def test_a_package_that_did_nothing_is_accepted(tmp_path):
    (found,) = summary(tmp_path, "  pyisbn: {allow: None}", [], [Owner("pyisbn", "1.4", "distribution")])

    assert (found.policy, found.suggestion) == ("None", "Accept")


def test_a_list_that_one_repeat_misses_is_a_violation_once(tmp_path):
    acts = [opened("/a", identity="same"), opened("/b", identity="same", process=2)]

    (found,) = summary(tmp_path, "  numpy: {files: {read: [/a]}}", acts)

    assert (found.categories["file"].status, found.categories["file"].violations) == ("violation", 1)


UNTOLD = """
  numpy:
    functions: {allow: [{name: os.remove, args: {path: "*.tmp"}}, os.rename]}
    files: {write: ["/srv/*"]}
"""


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("os.remove", {"path": "a.tmp", "dir_fd": 3}, "allowed"),
        ("os.remove", {"path": "a.txt", "dir_fd": 3}, "violation"),
        ("os.remove", {"path": "/etc/a.tmp", "dir_fd": -1}, "violation"),
        ("os.remove", {"path": "/srv/x", "dir_fd": -1}, "allowed"),
        ("os.remove", {"path": "a.tmp", "dir_fd": 3, "is_truncated": True}, "violation"),
        ("os.rename", {"src": "a", "dst": "b", "src_dir_fd": 3, "dst_dir_fd": 3}, "violation"),
    ],
)
def test_what_cannot_be_told_is_allowed_by_its_arguments_alone(tmp_path, name, arguments, expected):
    assert verdict(tmp_path, UNTOLD, act(name, **arguments)) == expected


def test_arguments_free_nothing_that_a_list_is_known_to_miss(tmp_path):
    packages = """
  numpy:
    functions: {allow: [{name: os.rename, args: {src: "*"}}]}
    files: {write: ["/srv/*"]}
"""
    moved = act("os.rename", src="a", dst="/etc/passwd", src_dir_fd=3, dst_dir_fd=-1)

    assert verdict(tmp_path, packages, moved) == "violation"
