"""Which rule decides, as the design has it: an explicit entry over a category, deny over allow at equal specificity, a
package over "*", the most specific wins. Held for policies made at random against these sentences.
"""

import json
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.categories import CATEGORIES
from pyxhon.policy.judge import judge
from pyxhon.policy.parse import load_policies, read_policy
from tests.unit.policy.behaviours import act, called, opened

KEYS = ("numpy", "num*", "n*", "*")
NAMES = ("os.system", "os.*", "o*", "*.system", "os.syste?", "*", "socket.connect")
MODULES = ("http.client", "http", "http*", "*", "ftplib")
CALLS = ("ptrace", "pt*", "*")

ALLOW = st.lists(st.sampled_from(CATEGORIES), unique=True)


def verbs(names):
    chosen = st.lists(st.sampled_from(names), unique=True, max_size=3)
    return st.fixed_dictionaries({}, optional={"deny": chosen, "allow": chosen})


ENTRY = st.fixed_dictionaries(
    {"reason": st.just("why")},
    optional={"allow": ALLOW, "functions": verbs(NAMES), "modules": verbs(MODULES), "syscalls": verbs(CALLS)},
)
PACKAGES = st.dictionaries(st.sampled_from(KEYS), ENTRY)

ACTS = st.sampled_from(
    [
        (act("os.system", command="x"), "functions", "os.system"),
        (act("http.client", kind="import"), "modules", "http.client"),
        (called("ptrace"), "syscalls", "ptrace"),
    ]
)
each = settings(max_examples=200, deadline=None)


def verdict(packages, behaviour):
    text = json.dumps({"version": 1, "packages": packages})
    return judge([behaviour], read_policy(text.encode(), "p"))[0].verdict


def is_meant(pattern, name, kind):
    above = kind == "modules" and "*" not in pattern and name.startswith(pattern + ".")
    return above or fnmatchcase(name, pattern)


def literal(pattern):
    return len(pattern.replace("*", "").replace("?", ""))


def rules_for(packages, kind, name):
    """All rules that name an act, each with how specific it is: its entry, then its name, then deny."""
    return [
        ((key == "numpy", literal(key)), (literal(pattern) == len(pattern), literal(pattern)), verb == "deny")
        for key, entry in packages.items()
        for verb, patterns in entry.get(kind, {}).items()
        for pattern in patterns
        if is_meant(pattern, name, kind)
    ]


@each
@given(PACKAGES, ACTS)
def test_the_most_specific_rule_decides(packages, done):
    behaviour, kind, name = done
    named = rules_for(packages, kind, name)
    ruled = [key for key in KEYS if "allow" in packages.get(key, {})]

    if named:
        expected = "violation" if max(named)[2] else "allowed"
    elif ruled:
        expected = "allowed" if behaviour.category in packages[ruled[0]]["allow"] else "violation"
    else:
        expected = "unjudged"

    assert verdict(packages, behaviour) == expected


@each
@given(PACKAGES, ACTS, st.sampled_from(["deny", "allow"]))
def test_the_packages_own_explicit_entry_goes_over_all_others(packages, done, verb):
    behaviour, kind, name = done
    own = {key: value for key, value in packages.get("numpy", {}).items() if key != kind}

    packages["numpy"] = {**own, kind: {verb: [name]}, "reason": "why"}

    assert verdict(packages, behaviour) == ("violation" if verb == "deny" else "allowed")


@each
@given(PACKAGES, ACTS, st.data())
def test_at_equal_specificity_deny_goes_over_allow(packages, done, data):
    behaviour, kind, name = done
    names = {"functions": NAMES, "modules": MODULES, "syscalls": CALLS}[kind]
    pattern = data.draw(st.sampled_from([each for each in names if is_meant(each, name, kind)]))

    packages["numpy"] = {kind: {"allow": [pattern], "deny": [pattern]}}

    assert verdict(packages, behaviour) == "violation"


@each
@given(PACKAGES, ACTS, ALLOW)
def test_a_package_s_categories_go_over_those_of_everybody(packages, done, categories):
    behaviour, kind, _ = done
    packages = {key: {k: v for k, v in entry.items() if k != kind} for key, entry in packages.items()}

    packages["numpy"] = {"allow": categories}

    assert verdict(packages, behaviour) == ("allowed" if behaviour.category in categories else "violation")


@each
@given(PACKAGES, ACTS, st.randoms())
def test_the_order_in_the_file_does_not_matter(packages, done, random):
    behaviour, kind, _ = done
    keys = list(packages)
    random.shuffle(keys)
    shuffled = {key: dict(reversed(packages[key].items())) for key in keys}
    for entry in shuffled.values():
        if kind in entry:
            entry[kind] = {verb: names[::-1] for verb, names in reversed(entry[kind].items())}

    assert verdict(shuffled, behaviour) == verdict(packages, behaviour)


@each
@given(PACKAGES, ACTS)
def test_a_package_that_no_entry_covers_is_judged_by_nobody(packages, done):
    behaviour, *_ = done
    packages.pop("numpy", None), packages.pop("*", None)

    other = act(behaviour.name, owner="pandas") if behaviour.kind == "audit" else None

    assert other is None or verdict(packages, other) == "unjudged"


PATHS = ("/srv/a", "/srv/**", "/tmp/*")
LISTED = st.fixed_dictionaries(
    {"reason": st.just("why")},
    optional={"allow": ALLOW, "files": st.fixed_dictionaries({"read": st.lists(st.sampled_from(PATHS), max_size=2)})},
)


@each
@given(st.dictionaries(st.sampled_from(KEYS), LISTED), st.sampled_from(["/srv/a", "/srv/b", "/etc/x"]))
def test_the_nearest_list_goes_over_categories_but_nearer_ones(packages, path):
    listed = [key for key in KEYS if "files" in packages.get(key, {})]
    ruled = [key for key in KEYS if "allow" in packages.get(key, {})]
    category = "allowed" if ruled and "file" in packages[ruled[0]]["allow"] else "violation" if ruled else "unjudged"

    if not listed:
        expected = category
    elif any(
        path == pattern or (pattern == "/srv/**" and path.startswith("/srv/"))
        for pattern in packages[listed[0]]["files"]["read"]
    ):
        expected = "allowed"
    else:
        is_freed = ruled and KEYS.index(ruled[0]) < KEYS.index(listed[0])
        expected = category if is_freed else "violation"

    assert verdict(packages, opened(path)) == expected


@each
@given(PACKAGES, PACKAGES, ACTS)
def test_what_an_extended_policy_denies_by_name_stays_denied(tmp_path_factory, base, top, done):
    behaviour, kind, name = done
    base["numpy"] = {kind: {"deny": [name]}}
    folder = tmp_path_factory.mktemp("p")
    paths = [folder / "base.yaml", folder / "top.yaml"]
    for path, packages in zip(paths, (base, top), strict=True):
        path.write_text(json.dumps({"version": 1, "packages": packages}))

    assert judge([behaviour], load_policies(paths))[0].verdict == "violation"


@pytest.mark.parametrize("level, expected", [("python", "allowed"), ("native", "violation"), ("detached", "violation")])
def test_native_deny_is_about_what_lies_below_python(level, expected):
    packages = {"numpy": {"allow": ["os"], "native": "deny"}}
    behaviour = called("ptrace", level=level) if level != "python" else act("os.system", command="x")

    assert verdict(packages, behaviour) == expected
