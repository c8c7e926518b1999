"""Which script a package is exercised by."""

import pytest

from pyxhon.errors import EvaluationError
from pyxhon.evaluate.exercises import Exercises, check_names, keep_exercises, parse_exercises
from pyxhon.evaluate.spec import parse_spec


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("all.py", "six.py", "a=b.py"):
        (tmp_path / name).write_text(f"print({name!r})\n")
    return tmp_path


def test_a_package_has_its_own_and_the_rest_the_one_for_all(scripts):
    found = parse_exercises(["Zope_Interface=six.py", "all.py"])

    assert found.find("zope-interface").name == "six.py"
    assert found.find("idna").name == found.find(None).name == "all.py"


def test_without_one_for_all_the_rest_has_none(scripts):
    found = parse_exercises(["six=six.py"])

    assert (found.find("idna"), found.find(None), parse_exercises([])) == (None, None, Exercises())


def test_a_file_with_an_equals_sign_is_named_by_its_path(scripts):
    assert parse_exercises(["./a=b.py"]).of_rest.name == "a=b.py"
    assert parse_exercises(["six=a=b.py"]).find("six").name == "a=b.py"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["all.py", "six.py"], "twice for all packages"),
        (["six=six.py", "SIX=all.py"], "twice for six"),
        (["missing.py"], "there is no script missing.py"),
        (["six=missing.py"], "there is no script missing.py"),
        (["."], "there is no script"),
        (["bad.py"], "not UTF-8"),
    ],
)
def test_what_is_no_script_or_there_twice_is_refused(scripts, texts, message):
    (scripts / "bad.py").write_bytes(b"\xff")

    with pytest.raises(EvaluationError, match=message):
        parse_exercises(texts)


def test_a_script_for_what_is_not_evaluated_is_refused_unless_it_may_be_a_folder_s(scripts):
    found = parse_exercises(["six=six.py"])

    check_names(found, [parse_spec("six==1.17.0")])
    check_names(found, [parse_spec(".")])
    with pytest.raises(EvaluationError, match="--exercise is for six, which is not evaluated"):
        check_names(found, [parse_spec("idna")])


def test_kept_scripts_stay_as_they_were(scripts, tmp_path):
    (tmp_path / "kept").mkdir()
    found = keep_exercises(parse_exercises(["six=six.py", "idna=six.py", "all.py"]), tmp_path / "kept")
    (scripts / "six.py").write_text("changed")

    assert found.find("six") == found.find("idna") != found.find("other")
    assert found.find("six").read_text() == "print('six.py')\n"
    assert found.find("other").read_text() == "print('all.py')\n"


def test_only_its_own_script_matters_to_a_package_whose_name_is_known(scripts):
    found = parse_exercises(["six=six.py", "all.py"])

    assert found.texts_for("six") == ["print('six.py')\n"]
    assert found.texts_for("idna") == ["print('all.py')\n"]
    assert len(found.texts_for(None)) == 2
