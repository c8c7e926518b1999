"""What docs/policies.md shows is read as it says, and it names every key."""

import re

import pytest

from pyxhon.policy.keys import PACKAGE_KEYS, POLICY_KEYS
from pyxhon.policy.model import LIST_KEYS
from pyxhon.policy.parse import list_builtin_policies, load_builtin_sequences, load_policy
from pyxhon.policy.sequences import KINDS, MATCH_KEYS, SEQUENCE_KEYS, STEP_KEYS
from tests.interpreters import CHECKOUT
from tests.unit.policy.behaviours import act, opened, verdict

TEXT = (CHECKOUT / "docs/policies.md").read_text(encoding="utf-8")
SEQUENCES = TEXT.partition("## sequences")[2].partition("\n## ")[0]
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_policy(tmp_path, example):
    (tmp_path / "example.yaml").write_text(example, encoding="utf-8")

    policy = load_policy(tmp_path / "example.yaml")
    assert policy.packages or policy.sequences


@pytest.mark.parametrize("key", [*POLICY_KEYS, *PACKAGE_KEYS, *LIST_KEYS])
def test_every_key_is_documented(key):
    assert f"`{key}`" in TEXT or f"## {key}" in TEXT or f", {key}" in TEXT


@pytest.mark.parametrize("key", [*SEQUENCE_KEYS, *STEP_KEYS, *MATCH_KEYS, *KINDS])
def test_every_key_of_a_sequence_is_documented(key):
    assert f"`{key}`" in SEQUENCES or f", `{key}`" in SEQUENCES


def test_every_builtin_sequence_is_documented():
    table = SEQUENCES.partition("| built in |")[2]

    assert [each.name for each in load_builtin_sequences() if each.name not in table] == []


def test_every_builtin_policy_is_documented():
    assert [name for name in list_builtin_policies() if f"builtin:{name}" not in TEXT] == []


def precedence_example():
    return EXAMPLES[-2].partition("packages:\n")[2]


@pytest.mark.parametrize(
    "owner, name, expected",
    [
        ("anyone", "os.system", "violation"),
        ("anyone", "os.fork", "allowed"),
        ("deploy-tool", "os.system", "allowed"),
        ("numpy", "os.system", "violation"),
        ("numpy", "ctypes.dlsym", "allowed"),
        ("anyone", "ctypes.dlsym", "violation"),
    ],
)
def test_the_example_of_precedence_decides_as_described(tmp_path, owner, name, expected):
    assert verdict(tmp_path, precedence_example(), act(name, owner=owner)) == expected


def test_a_nearer_category_frees_from_a_farther_list(tmp_path):
    packages = '  "*": {files: {write: ["/tmp/**"]}}\n  numpy: {allow: F}'

    assert verdict(tmp_path, packages, opened("/srv/x", "w")) == "allowed"
    assert verdict(tmp_path, packages, opened("/srv/x", "w", owner="other")) == "violation"
