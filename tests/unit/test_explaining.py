import pytest

from pyxhon.cli import run_command_line
from pyxhon.policy.parse import list_builtin_policies, load_policy
from tests.unit.report.recording import record_service

POLICY = "version: 1\npackages:\n  requests:\n    allow: F\n    reason: reads only\n"


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    return str(tmp_path / "policy.yaml")


@pytest.fixture
def trace(tmp_path):
    return str(record_service(tmp_path / "t.pyxhon"))


def test_a_shown_policy_can_be_read_again(policy, tmp_path, capsys):
    assert run_command_line(["policy", "show", policy]) == 0

    (tmp_path / "again.yaml").write_text(capsys.readouterr().out)
    again = load_policy(str(tmp_path / "again.yaml")).packages[0]
    assert (again.key.text, again.allow.shorthand, again.reason) == ("requests", "F", "reads only")


def test_the_category_tables_can_be_shown(capsys):
    assert run_command_line(["policy", "show", "builtin:categories"]) == 0

    assert "socket" in capsys.readouterr().out


def test_every_builtin_policy_is_listed(capsys):
    assert run_command_line(["policy", "list"]) == 0

    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed == {"builtin:categories", *(f"builtin:{name}" for name in list_builtin_policies())}


def test_a_valid_policy_is_said_to_be_valid(policy, capsys):
    assert run_command_line(["policy", "check", policy]) == 0

    assert capsys.readouterr().out == f"valid: 1 package in {policy}\n"


def test_an_invalid_policy_is_one_line_with_its_place(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("version: 1\npackages:\n  numpy:\n    alow: F\n")

    assert run_command_line(["policy", "check", str(tmp_path / "bad.yaml")]) == 1

    error = capsys.readouterr().err
    assert f"{tmp_path}/bad.yaml:4:5" in error
    assert "allow" in error
    assert error.count("\n") == 1


def test_a_trace_shows_which_rule_decides(policy, trace, capsys):
    run_command_line(["policy", "check", policy, "--trace", trace])

    text = capsys.readouterr().out
    assert "violation: requests: network: socket.connect address=127.0.0.1:80" in text
    assert f"decided by {policy}:4 packages.requests.allow: F does not allow network" in text
    assert "no rule speaks of it" in text


def test_a_trace_may_be_the_last_of_the_files(policy, trace, capsys):
    run_command_line(["policy", "check", policy, "--trace", trace])
    by_option = capsys.readouterr().out

    assert run_command_line(["policy", "check", policy, trace]) == 0

    assert capsys.readouterr().out == by_option


def test_a_trace_shows_how_often_each_rule_decided_and_which_never_matched(tmp_path, trace, capsys):
    path = tmp_path / "p.yaml"
    path.write_text(
        "version: 1\npackages:\n  requests:\n    allow: [file, os]\n    files:\n      read:\n"
        "        - /etc/hosts\n        - /etc/passwd\n        - /etc/*\n  flask:\n    allow: F\n"
    )

    run_command_line(["policy", "check", str(path), trace])

    lines = capsys.readouterr().out.splitlines()
    assert f"       1 {path}:4 packages.requests.allow: 0 allowed, 1 violation" in lines
    assert f"       1 {path}:7 packages.requests.files.read: /etc/hosts: allowed" in lines
    assert f"  {path}:9 packages.requests.files.read: /etc/*: spoke of 1" in lines
    never = lines[lines.index("never matched:") + 1 :]
    assert never == [
        f"  {path}:8 packages.requests.files.read: /etc/passwd",
        f"  {path}:11 packages.flask.allow",
        f"  {path}:4 packages.requests.allow: file, os",
    ]
    assert next(line for line in lines if line.startswith("no rule decides")).startswith(
        "no rule decides what was done by: application "
    )


def test_violations_come_first(policy, trace, capsys):
    run_command_line(["policy", "check", policy, trace])

    verdicts = [
        line.split()[1] for line in capsys.readouterr().out.splitlines() if line[:16].isalnum() and ": " in line
    ]
    told = [verdict.rstrip(":") for verdict in verdicts if verdict.rstrip(":") in {"violation", "unjudged", "allowed"}]
    assert told == sorted(told, key=["violation", "unjudged", "allowed"].index)
    assert {"violation", "unjudged", "allowed"} == set(told)


def test_one_behaviour_is_explained_by_the_start_of_its_id(policy, trace, capsys):
    run_command_line(["policy", "check", policy, "--trace", trace])
    lines = capsys.readouterr().out.splitlines()
    number = next(line.split()[0] for line in lines if "socket.connect" in line)

    assert run_command_line(["policy", "check", policy, "--trace", trace, "--behaviour", number[:8]]) == 0

    shown = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in shown if not line.startswith(" ")] == [number]


def test_a_behaviour_that_is_not_there_is_told(policy, trace, capsys):
    assert run_command_line(["policy", "check", policy, "--trace", trace, "--behaviour", "zz"]) == 1

    assert "no behaviour zz" in capsys.readouterr().err


def test_a_python_function_and_arguments_are_shown_checked_and_explained(tmp_path, trace, capsys):
    (tmp_path / "p.yaml").write_text(
        "version: 1\npackages:\n  requests:\n    functions:\n"
        "      deny: [{name: socket.connect, args: {address: '127.*'}}, 'm:f']\n"
    )

    assert run_command_line(["policy", "show", str(tmp_path / "p.yaml")]) == 0
    assert '{name: "socket.connect", args: {"address": "127.*"}}' in capsys.readouterr().out

    run_command_line(["policy", "check", str(tmp_path / "p.yaml"), "--trace", trace])
    text = capsys.readouterr().out
    assert "no audit event shows m:f; it decides only calls that are probed" in text
    assert "functions.deny: socket.connect(address: 127.*): denies socket.connect(address: 127.*)" in text
