"""SPEC on the command line: what is taken, what is refused, how its folder is called."""

import pytest

from pyxhon.errors import EvaluationError
from pyxhon.evaluate.spec import content_hash, normalise_name, parse_requirements, parse_spec


@pytest.mark.parametrize(
    ("text", "name", "is_pinned"),
    [
        ("numpy", "numpy", False),
        ("numpy==2.4.6", "numpy", True),
        ("numpy==2.*", "numpy", False),
        ("cx_Freeze>=6,<7", "cx-freeze", False),
        ("requests[socks]==2.31.0", "requests", True),
        ('six; python_version > "3"', "six", False),
    ],
)
def test_a_requirement_is_read(text, name, is_pinned):
    spec = parse_spec(text)

    assert (spec.kind, spec.name, spec.is_pinned) == ("index", name, is_pinned)


@pytest.mark.parametrize(
    "text",
    ["", "-r", "--index-url=x", "a b", "name @ https://example.org/x", "git+https://x/y", "a\nb", "./nowhere", "a.whl"],
)
def test_what_is_no_package_is_refused(text):
    with pytest.raises(EvaluationError):
        parse_spec(text)


def test_files_and_folders_are_told_apart(tmp_path):
    wheel, archive = tmp_path / "My_Package-1.0-py3-none-any.whl", tmp_path / "my-package-1.0.tar.gz"
    wheel.touch()
    archive.touch()

    kinds = [(spec.kind, spec.name) for spec in map(parse_spec, [str(wheel), str(archive), str(tmp_path)])]

    assert kinds == [("wheel", "my-package"), ("sdist", "my-package"), ("directory", None)]


def test_slugs_are_safe_and_different(tmp_path):
    (tmp_path / "..x\n").mkdir()
    folder = parse_spec(f"{tmp_path}/..x\n/.")
    slugs = [parse_spec("six").slug, parse_spec("six==1.0").slug, parse_spec("six[a]").slug, folder.slug]

    assert slugs[:2] == ["six", "six==1.0"]
    assert len(set(slugs)) == 4
    assert not any(set(slug) & set("/\n") or slug.startswith(".") for slug in slugs)


def test_a_file_of_requirements_has_comments_and_nothing_hidden(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# ours\nsix==1.17.0  # why\n\ncrcmod\n")

    assert [spec.text for spec in parse_requirements(path)] == ["six==1.17.0", "crcmod"]

    path.write_text("--extra-index-url https://example.org\n")
    with pytest.raises(EvaluationError):
        parse_requirements(path)


def test_a_change_in_a_folder_changes_its_hash(tmp_path):
    (tmp_path / "setup.py").write_text("1")
    before = content_hash(parse_spec(str(tmp_path)))
    (tmp_path / "setup.py").write_text("2")

    assert content_hash(parse_spec(str(tmp_path))) != before
    assert not content_hash(parse_spec("six"))


def test_names_are_compared_as_the_index_does():
    assert normalise_name("Zope.Interface__x") == "zope-interface-x"
