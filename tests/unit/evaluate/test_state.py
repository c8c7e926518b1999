"""What is finished: read again under the same key alone, whole or not at all."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from pyxhon.errors import EvaluationError
from pyxhon.evaluate.exercises import Exercises
from pyxhon.evaluate.interpreter import Python
from pyxhon.evaluate.options import EvaluateOptions, Limits
from pyxhon.evaluate.spec import parse_spec
from pyxhon.evaluate.state import forget, key_of, owned_folder, read_finished, write_finished
from tests.unit.evaluate.test_show import make_row

PYTHON = Python("/usr/bin/python3", (3, 11, 2), "cpython-311", (), Path("/pip.whl"))
OPTIONS = EvaluateOptions(Path("out"))
NO_MATTER = {"output", "python", "jobs", "again", "report_format", "report_path", "is_quiet"}


def changed(tmp_path):
    """Give a value for each option that changes what comes of an evaluation."""
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    (tmp_path / "exercise.py").write_text("1\n")
    return {
        "policy_paths": (str(tmp_path / "policy.yaml"),),
        "exercises": Exercises(of_rest=tmp_path / "exercise.py"),
        "tests": True,
        "network": True,
        "calls": "off",
        "syscalls": "all",
        "limits": Limits(time_s=1),
    }


def test_every_option_that_matters_is_in_the_key(tmp_path):
    changes = changed(tmp_path)
    spec = parse_spec("six")
    keys = {key_of(spec, PYTHON, replace(OPTIONS, **{name: value})) for name, value in changes.items()}

    assert {field.name for field in fields(EvaluateOptions)} == NO_MATTER | set(changes)
    assert len(keys | {key_of(spec, PYTHON, OPTIONS)}) == len(changes) + 1


def test_another_package_interpreter_or_policy_text_has_another_key(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\n")
    options = replace(OPTIONS, policy_paths=(str(policy),))
    keys = [key_of(parse_spec("six"), PYTHON, options)]
    keys.append(key_of(parse_spec("six==1"), PYTHON, options))
    keys.append(key_of(parse_spec("six"), replace(PYTHON, version=(3, 11, 3)), options))
    policy.write_text("version: 1 # changed\n")
    keys.append(key_of(parse_spec("six"), PYTHON, options))

    assert len(set(keys)) == 4


def test_a_row_is_read_again_under_its_key_alone(tmp_path):
    row = make_row()
    write_finished(tmp_path, "key", row)

    assert read_finished(tmp_path, "key") == row
    assert read_finished(tmp_path, "other") is None
    forget(tmp_path)
    assert read_finished(tmp_path, "key") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": "key", "row": {}}', '{"key": "key", "row": 1}'])
def test_a_damaged_state_is_no_state(tmp_path, content):
    (tmp_path / "state.json").write_text(content)

    assert read_finished(tmp_path, "key") is None


def test_a_folder_has_one_evaluation_at_a_time(tmp_path):
    with owned_folder(tmp_path / "out"), pytest.raises(EvaluationError), owned_folder(tmp_path / "out"):
        pass
