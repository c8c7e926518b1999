"""What a file's module is called, told at once, and as PackageIndex tells it later."""

import time

import pytest

from pyxhon.packages import ModuleNames, PackageIndex


def lay_out(folder, *files):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("")


def names(own_root, path, *search_paths, working_directory=None):
    found = ModuleNames(own_root)
    found.add_search_paths(map(str, search_paths))
    return found.names_of(str(path), working_directory)


def test_an_installed_module_is_named_from_site_packages(own_root):
    assert names(own_root, "/v/lib/python3.12/site-packages/requests/sessions.py") == ("requests.sessions",)


def test_an_entry_of_sys_path_within_a_package_hides_no_name(own_root):
    site = "/v/lib/python3.12/site-packages"

    assert names(own_root, f"{site}/requests/sessions.py", f"{site}/requests") == ("requests.sessions", "sessions")


def test_the_longest_entry_of_sys_path_comes_first(own_root):
    assert names(own_root, "/srv/app/src/ns/mod.py", "/srv/app", "/srv/app/src") == ("ns.mod", "src.ns.mod")


def test_without_an_entry_the_outermost_package_names_the_module(own_root, tmp_path):
    lay_out(tmp_path, "app/pkg/__init__.py", "app/pkg/sub/__init__.py", "app/pkg/sub/mod.py", "app/main.py")

    assert names(own_root, tmp_path / "app/pkg/sub/mod.py") == ("pkg.sub.mod",)
    assert names(own_root, tmp_path / "app/pkg/sub/__init__.py") == ("pkg.sub",)
    assert names(own_root, tmp_path / "app/main.py") == ("main",)


def test_a_package_below_a_farther_entry_has_both_names(own_root, tmp_path):
    lay_out(tmp_path, "proj/pkg/__init__.py", "proj/pkg/mod.py")

    assert names(own_root, tmp_path / "proj/pkg/mod.py", tmp_path) == ("proj.pkg.mod", "pkg.mod")


def test_the_standard_library_is_known_by_its_landmarks(own_root, tmp_path):
    lay_out(tmp_path, "python3.12/os.py", "python3.12/encodings/__init__.py", "python3.12/json/decoder.py", "Lib/x.py")

    assert names(own_root, tmp_path / "python3.12/json/decoder.py") == ("json.decoder",)
    assert names(own_root, tmp_path / "Lib/x.py") == ("x",)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("<string>", ()),
        ("<frozen importlib._bootstrap>", ("importlib._bootstrap",)),
        ("<frozen evil>", ()),
        ("mod.py", ()),
        ("/srv/my-tool.py", ()),
        ("/srv/tool", ()),
        ("/srv/__pycache__/mod.cpython-312.pyc", ("mod",)),
        ("/srv/a\0b.py", ()),
        ("", ()),
    ],
)
def test_what_cannot_be_imported_has_no_name(own_root, path, expected):
    assert names(own_root, path) == expected


def test_a_relative_file_is_seen_from_the_working_directory(own_root, tmp_path):
    assert names(own_root, "lib/mod.py", tmp_path, working_directory=str(tmp_path)) == ("lib.mod",)


def test_code_in_a_zip_file_is_named_from_its_entry(own_root):
    assert names(own_root, "/srv/app.zip/pkg/mod.py", "/srv/app.zip") == ("pkg.mod",)


@pytest.mark.parametrize("file", ["app/pkg/mod.py", "app/pkg/__init__.py", "app/main.py", "site-packages/pkg/mod.py"])
@pytest.mark.parametrize("entries", [(), ("app",), ("app/pkg",)])
def test_the_owners_module_is_among_the_names(own_root, tmp_path, file, entries):
    lay_out(tmp_path, "app/pkg/__init__.py", "app/pkg/mod.py", "app/main.py", "site-packages/pkg/mod.py")
    paths = [str(tmp_path / entry) for entry in entries]

    module = PackageIndex(own_root, paths).owner_of(str(tmp_path / file)).module

    assert module is None or module in names(own_root, tmp_path / file, *paths)


def test_a_name_is_told_within_milliseconds(own_root, tmp_path):
    lay_out(tmp_path, *(f"a/b{n}/__init__.py" for n in range(50)), "a/__init__.py")
    found = ModuleNames(own_root)
    found.add_search_paths([f"/entry/{n}" for n in range(50)])

    began = time.process_time()
    told = [found.names_of(f"{tmp_path}/a/b{n}/m.py", None) for n in range(50)]
    spent_s = time.process_time() - began

    assert told[7] == ("a.b7.m",)
    assert spent_s < 0.25
