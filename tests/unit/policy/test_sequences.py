"""`sequences` are read whole, or refused with file, line, column and the nearest valid word."""

import pytest

from pyxhon.errors import PolicyError
from pyxhon.policy.parse import load_builtin_sequences, load_policies, load_policy
from pyxhon.policy.sequences import SequenceRule, format_span

DESIGN = """version: 1
sequences:
  - name: secret then network
    steps: [{category: file, match: {path: ["~/.ssh/**", "**/.aws/credentials"]}}, {category: network}]
    within: 60s
on_violation: stop
"""


def write(tmp_path, text, name="p.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def sequence(tmp_path, steps="[{category: network}]", more=""):
    text = f"version: 1\nsequences:\n  - name: s\n    steps: {steps}\n{more}"
    (found,) = load_policy(write(tmp_path, text)).sequences
    return found


def refusal(tmp_path, text):
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, text))
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_the_example_of_the_design_is_read(tmp_path):
    policy = load_policy(write(tmp_path, DESIGN))

    (found,) = policy.sequences
    assert isinstance(found, SequenceRule)
    assert str(found.rule).endswith("p.yaml:3 sequences: secret then network")
    assert found.within_ns == 60 * 10**9
    assert [step.categories for step in found.steps] == [{"file"}, {"network"}]
    assert [(key, [each.text for each in patterns]) for key, patterns in found.steps[0].match] == [
        ("path", ["~/.ssh/**", "**/.aws/credentials"])
    ]
    assert policy.on_violation == "stop"


def test_words_may_stand_alone_or_in_a_list(tmp_path):
    found = sequence(tmp_path, "[{category: [file, dll], kind: audit, name: [open, 'os.*'], match: {read: /etc/*}}]")

    (step,) = found.steps
    assert (step.categories, step.kinds) == ({"file", "dll"}, {"audit"})
    assert [name.text for name in step.names] == ["open", "os.*"]
    assert step.text == "dll, file, audit, open, os.*, read /etc/*"


@pytest.mark.parametrize(
    "written, span_ns, shown",
    [
        ("500ms", 5 * 10**8, "500ms"),
        ("60s", 60 * 10**9, "1m"),
        ("1.5s", 15 * 10**8, "1500ms"),
        ("90m", 5400 * 10**9, "90m"),
        ("2d", 2 * 86_400 * 10**9, "2d"),
    ],
)
def test_time_spans(tmp_path, written, span_ns, shown):
    assert sequence(tmp_path, more=f"    within: {written}\n").within_ns == span_ns
    assert format_span(span_ns) == shown


@pytest.mark.parametrize(
    "text, expected",
    [
        ("sequences: []\n  - x", None),
        ("sequences: {}", "a list is needed at p.yaml:2:12; write [one, two], or [] for none"),
        (
            "sequences: [{steps: [{name: open}]}]",
            "key 'name' is missing at p.yaml:2:13; write name: secret then network",
        ),
        ("sequences: [{name: s}]", "key 'steps' is missing at p.yaml:2:13; write steps: [{category: file}, …]"),
        ("sequences: [{name: s, step: []}]", "unknown key 'step' at p.yaml:2:23; did you mean 'steps'?"),
        (
            "sequences: [{name: s, steps: []}]",
            "a sequence has 1 to 8 steps at p.yaml:2:30; write [{category: file}, …]",
        ),
        (
            "sequences: [{name: s, steps: [{}]}]",
            "the step asks for nothing at p.yaml:2:31; write a category, kind, name or match",
        ),
        (
            "sequences: [{name: s, steps: [{category: files}]}]",
            "unknown category 'files' at p.yaml:2:42; did you mean 'file'?",
        ),
        (
            "sequences: [{name: s, steps: [{kind: sysscall}]}]",
            "unknown kind 'sysscall' at p.yaml:2:38; did you mean 'syscall'?",
        ),
        (
            "sequences: [{name: s, steps: [{match: {paths: [/a]}}]}]",
            "unknown key 'paths' at p.yaml:2:40; did you mean 'path'?",
        ),
        (
            "sequences: [{name: s, steps: [{match: {path: [a]}}]}]",
            "'a': a path pattern begins with /, ~/ or **/ at p.yaml:2:47; write **/a for any folder",
        ),
        (
            "sequences: [{name: s, steps: [{match: {path: []}}]}]",
            "'path' is empty: nothing would match at p.yaml:2:46; name what is meant, or remove it",
        ),
        (
            "sequences: [{name: s, steps: [{name: open}], within: 60}]",
            "'60' is no time span at p.yaml:2:54; write it as in 500ms, 60s, 5m, 1h or 2d",
        ),
        (
            "sequences: [{name: s, steps: [{name: open}], within: 0s}]",
            "'0s' is no time span at p.yaml:2:54; write it as in 500ms, 60s, 5m, 1h or 2d",
        ),
        (
            "sequences: [{name: s, steps: [{name: open}], same: file}]",
            "unknown same 'file' at p.yaml:2:52; valid are: path",
        ),
        (
            "sequences: [{name: s, steps: [{name: open}]}, {name: s, steps: [{name: open}]}]",
            "sequence 's' is there twice at p.yaml:2:47; give one another name",
        ),
        (
            "on_violation: halt\npackages: {}",
            "unknown on_violation 'halt' at p.yaml:2:15; valid are: report, stop, kill",
        ),
        ("on_violation: stopp\npackages: {}", "unknown on_violation 'stopp' at p.yaml:2:15; did you mean 'stop'?"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path, text, expected):
    said = refusal(tmp_path, f"version: 1\n{text}\n")

    if expected is None:
        assert "the file is not YAML" in said
    else:
        assert said == expected


def test_a_sequence_is_for_the_packages_named_and_not_for_those_excepted(tmp_path):
    found = sequence(tmp_path, more="    packages: ['num*', application]\n    except: numba\n")

    assert [found.concerns(*owner) for owner in (("numpy", "distribution"), ("numba", "distribution"))] == [True, False]
    assert found.concerns("application", "application")
    assert not found.concerns("scipy", "distribution")


def test_one_of_the_same_name_goes_over_an_earlier_one(tmp_path):
    later = write(tmp_path, "version: 1\nsequences: [{name: network then code, steps: [{name: x}]}]", "later.yaml")

    found = {each.name: each for each in load_policies(["builtin:strict", later]).sequences}

    assert set(found) == {each.name for each in load_builtin_sequences()}
    assert len(found["network then code"].steps) == 1


def test_the_action_of_the_policy_that_extends_counts(tmp_path):
    write(tmp_path, "version: 1\non_violation: kill\npackages: {}", "base.yaml")

    assert load_policy(write(tmp_path, "version: 1\nextends: [base.yaml]")).on_violation == "kill"
    assert (
        load_policy(write(tmp_path, "version: 1\nextends: [base.yaml]\non_violation: report")).on_violation == "report"
    )
    assert load_policy(write(tmp_path, "version: 1\npackages: {}")).on_violation is None


def test_strict_has_the_sequences_that_come_with_pyxhon():
    assert load_policy("builtin:strict").sequences == load_builtin_sequences()
    assert len(load_builtin_sequences()) >= 8
