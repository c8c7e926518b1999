"""Projects that are installed in place belong to their distribution wherever they lie."""

import subprocess
import sys

import pytest

from pyxhon.packages import PackageIndex
from pyxhon.packages.metadata import read_finder_mapping


@pytest.mark.parametrize(
    "project, file, name, module",
    [
        ("source", "src/alpha/deep/inside.py", "Proj.Source", "alpha.deep.inside"),
        ("source", "src/alpha/__init__.py", "Proj.Source", "alpha"),
        ("flat", "beta/deep/inside.py", "Flat", "beta.deep.inside"),
        ("flat", "beta/__init__.py", "Flat", "beta"),
        ("hatch", "src/gamma/deep/inside.py", "Hatched", "gamma.deep.inside"),
    ],
)
def test_editable_project_belongs_to_its_distribution(index, environment, project, file, name, module):
    owner = index.owner_of(str(environment.projects / project / file))

    assert (owner.origin, owner.package, owner.module) == ("distribution", name, module)
    assert str(environment.projects / project / file).startswith(owner.detail["editable"])


def test_setuptools_import_hook_is_read(environment):
    hook = next(environment.site.glob("__editable___Flat*_finder.py"))

    mapping = read_finder_mapping(hook.read_bytes())

    assert mapping == {"beta": str(environment.projects / "flat" / "beta")}


def test_other_files_of_an_editable_project_belong_to_it_too(index, environment):
    script = environment.projects / "flat" / "tasks.py"
    script.write_text("")

    assert index.owner_of(str(script)).package == "Flat"


def test_environment_inside_an_editable_project_does_not_belong_to_the_project(index, environment):
    inner = environment.projects / "flat" / ".venv" / "lib" / "python3.11" / "site-packages" / "stray.py"
    inner.parent.mkdir(parents=True)
    inner.write_text("")

    assert index.owner_of(str(inner)).package == "unknown"


def test_editable_project_without_its_search_path_is_the_applications(environment, own_root):
    owner = PackageIndex(own_root, []).owner_of(str(environment.projects / "hatch" / "src" / "gamma" / "__init__.py"))

    assert owner.origin == "application"


def test_search_path_learnt_later_changes_the_answer(environment, own_root):
    index = PackageIndex(own_root, [])
    path = str(environment.projects / "hatch" / "src" / "gamma" / "__init__.py")
    assert index.owner_of(path).origin == "application"

    index.add_search_paths([str(environment.site)])

    assert index.owner_of(path).package == "Hatched"


def test_environment_met_by_another_file_tells_its_editable_projects(environment, own_root):
    index = PackageIndex(own_root, [])
    path = str(environment.projects / "hatch" / "src" / "gamma" / "__init__.py")

    index.owner_of(f"{environment.site}/dateutil/__init__.py")

    assert index.owner_of(path).package == "Hatched"


@pytest.mark.parametrize("layout", ["", "src/"])
def test_develop_install_belongs_to_the_distribution_beside_its_code(tmp_path, own_root, environment, layout):
    project, site = tmp_path / "project", tmp_path / "site-packages"
    (project / layout / "legacy").mkdir(parents=True)
    (project / layout / "legacy" / "__init__.py").write_text("")
    (project / "setup.py").write_text(
        "from setuptools import setup, find_packages\n"
        f"setup(name='Legacy', version='7', package_dir={{'': {layout or '.'!r}}}, packages=['legacy'])\n"
    )
    python = environment.prefix / "bin" / "python"
    subprocess.run([python, "setup.py", "-q", "egg_info"], cwd=project, check=True, capture_output=True)
    site.mkdir()
    (site / "Legacy.egg-link").write_text(f"{project / layout}\n../\n")

    owner = PackageIndex(own_root, [str(site)]).owner_of(str(project / layout / "legacy" / "__init__.py"))
    unlinked = PackageIndex(own_root, []).owner_of(str(project / layout / "legacy" / "__init__.py"))

    assert (owner.package, owner.version, owner.module) == ("Legacy", "7", "legacy")
    assert (unlinked.package, unlinked.module) == ("Legacy", "legacy")


def test_hook_with_hostile_text_names_nothing():
    assert read_finder_mapping(b"MAPPING = " + b"(" * 100_000) == {}
    assert read_finder_mapping(b"MAPPING = {'a': '../b', 'c': '/d\\x00e', 'f': __import__('os')}") == {}
    assert read_finder_mapping(b"\xff\xfe MAPPING = {'a': '/b'}") == {}


def test_direct_url_that_is_no_editable_is_ignored(tmp_path, own_root):
    site = tmp_path / "site-packages"
    other = tmp_path / "elsewhere" / "tool.py"
    other.parent.mkdir()
    other.write_text("")
    for number, text in enumerate(
        [
            f'{{"url": "file://{other.parent}", "dir_info": {{}}}}',
            f'{{"url": "file://{other.parent}", "dir_info": {{"editable": "yes"}}}}',
            '{"url": "file:///", "dir_info": {"editable": true}}',
            f'{{"url": "https://host{other.parent}", "dir_info": {{"editable": true}}}}',
            "[" * 100_000,
            "{",
        ]
    ):
        information = site / f"odd{number}-1.dist-info"
        information.mkdir(parents=True)
        (information / "direct_url.json").write_text(text)

    assert PackageIndex(own_root, [str(site)]).owner_of(str(other)).origin == "application"
    assert sys.getrecursionlimit() < 100_000
