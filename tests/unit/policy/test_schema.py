"""The schema for editors takes and refuses what the parser does, as far as a schema can tell."""

import json
import re
import runpy

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.errors import PolicyError
from pyxhon.policy.keys import CALL_KEYS, LISTS, PACKAGE_KEYS, POLICY_KEYS, VERBS
from pyxhon.policy.parse import list_builtin_policies, read_policy
from pyxhon.policy.schema import build_schema
from tests.interpreters import CHECKOUT
from tests.unit.policy.test_docs import EXAMPLES

SCHEMA = json.loads((CHECKOUT / "policies/schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def parses(policy):
    try:
        read_policy(json.dumps(policy).encode(), "p.yaml")
    except PolicyError:
        return False
    return True


def one(entry, key="numpy"):
    return {"version": 1, "packages": {key: entry}}


def test_the_schema_is_the_generated_one():
    script = runpy.run_path(str(CHECKOUT / "scripts/generate_policy_schema.py"))

    assert (CHECKOUT / "policies/schema.json").read_text(encoding="utf-8") == script["render"]()


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_in_the_schema_with_its_meaning():
    entry = SCHEMA["properties"]["packages"]["additionalProperties"]["properties"]

    assert {key: each["description"] for key, each in SCHEMA["properties"].items()} == dict(POLICY_KEYS)
    assert {key: each["description"] for key, each in entry.items()} == dict(PACKAGE_KEYS)
    for group, keys in LISTS.items():
        assert set(entry[group]["properties"]) == set(keys)
    assert set(entry["functions"]["properties"]) == set(VERBS)
    assert set(entry["functions"]["properties"]["deny"]["items"]["anyOf"][1]["properties"]) == set(CALL_KEYS)
    assert build_schema() == SCHEMA


@pytest.mark.parametrize("name", list_builtin_policies())
def test_every_policy_that_comes_with_pyxhon_is_valid(name):
    VALIDATOR.validate(yaml.safe_load((CHECKOUT / f"policies/{name}.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_documented_example_is_valid(example):
    VALIDATOR.validate(yaml.safe_load(example))


GOOD_NAMES = ["os.system", "os.*", "a?", "http", "input/result", "<lambda>"]
FUNCTIONS = [*GOOD_NAMES, "m:f", "a b", "a,b", "m:f:g", "", 3, None, {"name": "os.system", "args": {"0": "rm *"}}]
CALLS = [
    {"name": "m:f", "args": {"x": True}},
    {"name": "f", "args": {"x": None, "9": 1.5}},
    {"name": "f", "args": {}},
    {"name": "f"},
    {"args": {"x": "y"}},
    {"name": "f", "args": {"10": "x"}},
    {"name": "f", "args": {"a-b": "x"}},
    {"name": "f", "args": {"a": ["x"]}},
    {"name": "f", "args": {"a": ""}},
    {"name": "f", "args": {"a": "x" * 1001}},
    {"name": "f", "args": {"a": "x"}, "more": 1},
]
PATHS = [
    "/",
    "/a",
    "/a/*",
    "~",
    "~/x",
    "**",
    "**/x",
    "/a/**",
    "/a/**/b",
    "/a.b/..c",
    "/a/",
    "a",
    "/a/../b",
    "/./b",
    "/a**",
    "***",
]
PATHS += ["/**b", "~/", "**/", "//", "~x", "", 1, ["/a"], "/x y", "/[a]", "/a\nb"]
PEERS = ["a:1", "a:*", "*:*", "*.b.org:443", "10.0.0.0/8:*", "[::1]:80", "[fd00::/8]:*", "a:1-2", "unix:/x", "unix:@a"]
PEERS += ["a", "::1:80", "a:b", "a b:1", "a:123456", "unix:x", "unix:", "10.0.0/8:*", "a/b:1", "", "[x]:1", 7]
DLLS = ["libx.so*", "*openblas*", "/usr/lib/**", "**/x.so", "x/y", "/a/", "", 4]
CALL_NAMES = ["ptrace", "open*", "process_vm_*", "nosuch", "", "os.system", 5, "recvmsg"]
ALLOWS = [
    "F",
    "D-O-B",
    "None",
    "-",
    "F-F",
    "f",
    "X",
    "",
    "F-",
    [],
    ["file"],
    ["file", "os"],
    ["F"],
    ["file", "file"],
    3,
    {"a": 1},
]
KEYS = [
    "numpy",
    "cx_Freeze",
    "flask-*",
    "*",
    "application",
    "libfoo.so*",
    "dll:ls",
    "a b",
    "",
    "-x",
    "a/b",
    "x.so/y",
    "dll:",
    "dll:a/b",
]
TEXTS = ["why", "", "x" * 1001, 3, []]


def lists(items):
    return st.one_of(st.lists(st.sampled_from(items), max_size=2), st.sampled_from(["x", 3, None, {}, [[]]]))


def mappings(**values):
    keys = st.sampled_from([*values, "typo"])
    return st.one_of(
        st.lists(keys, max_size=2, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: values.get(name, st.just([])) for name in names})
        ),
        st.sampled_from(["x", 3, [], None]),
    )


def verbs(items):
    return mappings(deny=lists(items), allow=lists(items))


ENTRIES = {
    "allow": st.sampled_from(ALLOWS),
    "functions": verbs([*FUNCTIONS, *CALLS]),
    "modules": verbs([*GOOD_NAMES, "a b", "a:b", "", 3]),
    "files": mappings(read=lists(PATHS), write=lists(PATHS)),
    "network": mappings(connect=lists(PEERS), bind=lists(PEERS)),
    "dlls": mappings(load=lists(DLLS)),
    "syscalls": verbs(CALL_NAMES),
    "native": st.sampled_from(["deny", "allow", "yes", "", 1, []]),
    "reason": st.sampled_from(TEXTS),
    "typo": st.just("F"),
}
ENTRY = st.lists(st.sampled_from([*ENTRIES]), min_size=0, max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: ENTRIES[name] for name in names})
)
POLICIES = st.fixed_dictionaries(
    {
        "version": st.sampled_from([1, 1, 1, 1, "1", 2]),
        "packages": st.dictionaries(st.sampled_from(KEYS), ENTRY, max_size=2) | st.sampled_from([[], "x", {}]),
    },
    optional={
        "extends": lists(["builtin:numpy", "builtin:nosuch", "builtin:", "builtin:categories"]),
        "on_violation": st.sampled_from(["report", "report", "explode", ["report"]]),
        "typo": st.just(1),
    },
)


PLACED = [
    *[one({"functions": {"deny": [value]}}) for value in [*FUNCTIONS, *CALLS]],
    *[one({"modules": {"allow": [value]}}) for value in [*GOOD_NAMES, "a b", "a:b", ""]],
    *[one({"files": {key: [value]}}) for key in LISTS["files"] for value in PATHS],
    *[one({"network": {key: [value]}}) for key in LISTS["network"] for value in PEERS],
    *[one({"dlls": {"load": [value]}}) for value in DLLS],
    *[one({"syscalls": {"deny": [value]}}) for value in CALL_NAMES],
    *[one({"allow": value}) for value in ALLOWS],
    *[one({"allow": "F"}, key=key) for key in KEYS],
    *[one({"reason": text}) for text in TEXTS],
]


@pytest.mark.parametrize("policy", PLACED, ids=lambda policy: json.dumps(policy["packages"])[:70])
def test_each_value_is_taken_by_both_or_by_none(policy):
    is_seen = not what_only_the_parser_sees(policy) and not re.search(r"[\[ ](?:[0-9]|null)[\]}]", json.dumps(policy))

    assert not is_seen or parses(policy) == VALIDATOR.is_valid(policy)


def what_only_the_parser_sees(policy):
    """Numbers are text to the parser, and it knows addresses, system calls with globs, and control characters."""
    text = json.dumps(policy)
    return any(sign in text for sign in ("10.0.0/8", "[x]:1", "123456", "\\n"))


@settings(max_examples=400, deadline=None)
@given(POLICIES)
def test_the_schema_refuses_what_the_parser_refuses_and_nothing_else(policy):
    is_valid = VALIDATOR.is_valid(policy)

    if parses(policy):
        assert is_valid or any(
            number in json.dumps(policy) for number in (" 3", "[3", " 1]", "[1", "4", "5", "7", "null")
        )
    elif not what_only_the_parser_sees(policy):
        assert not is_valid


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"version": 1},
        {"packages": {}},
        one({}),
        one({"allow": "FN"}),
        one({"alow": "F"}),
        one({"functions": {"denied": []}}),
        one({"files": {"read": ["a"]}}),
        one({"network": {"connect": ["a"]}}),
        one({"syscalls": {"deny": ["nosuch"]}}),
        one({"native": "no"}),
        one({"allow": "F"}, key="a b"),
        one({"functions": {"deny": [{"name": "f"}]}}),
    ],
)
def test_what_is_refused_is_refused_by_both(policy):
    assert not parses(policy)
    assert not VALIDATOR.is_valid(policy)
