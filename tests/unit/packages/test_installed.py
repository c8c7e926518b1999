"""Whose file it is, for what real installers installed."""

import compileall
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from pyxhon.packages import PackageIndex
from pyxhon.packages.places import Places
from tests.unit.packages.installs import HASH_OF_NOTHING, write_distribution


def test_distribution_name_is_that_of_the_metadata_not_of_the_import(index, environment):
    owner = index.owner_of(f"{environment.site}/dateutil/parser/_parser.py")

    assert (owner.origin, owner.package, owner.module) == ("distribution", "python-dateutil", "dateutil.parser._parser")
    assert owner.version


def test_file_with_the_recorded_hash_has_no_remark(index, environment):
    owner = index.owner_of(f"{environment.site}/dateutil/__init__.py")

    assert owner.detail is None


def test_record_decides_in_a_namespace_shared_by_distributions(index, environment):
    event = index.owner_of(f"{environment.site}/zope/event/__init__.py")
    interface = index.owner_of(f"{environment.site}/zope/interface/__init__.py")

    assert (event.package, event.module) == ("zope.event", "zope.event")
    assert (interface.package, interface.module) == ("zope.interface", "zope.interface")


def test_loose_file_in_a_shared_namespace_is_nobodys(environment, own_root):
    loose = environment.site / "zope" / "loose.py"
    loose.write_text("")

    owner = PackageIndex(own_root, []).owner_of(str(loose))

    assert (owner.origin, owner.package) == ("unknown", "unknown")
    assert "none of them recorded it" in owner.detail["reason"]


def test_dlls_of_a_distribution_are_its_own_also_in_its_libs_directory(index, environment):
    bundled = sorted((environment.site / "pyzmq.libs").iterdir())
    extensions = sorted((environment.site / "zope" / "interface").glob("*.so"))

    owners = {index.owner_of(str(path)).package for path in bundled}
    modules = {index.owner_of(str(path)).module for path in extensions}

    assert owners == {"pyzmq"}
    assert modules == {"zope.interface._zope_interface_coptimizations"}


def test_vendored_copy_belongs_to_the_distribution_that_carries_it(index, environment):
    owner = index.owner_of(f"{environment.site}/pip/_vendor/requests/api.py")

    assert (owner.package, owner.detail) == ("pip", {"vendored": "requests"})
    assert owner.module == "pip._vendor.requests.api"


def test_copy_that_carries_its_own_metadata_belongs_to_the_outer_distribution(tmp_path, own_root):
    site = tmp_path / "site-packages"
    inner = site / "outer" / "_vendor"
    write_distribution(site, "outer", ["outer/_vendor/inner/__init__.py"])
    write_distribution(inner, "inner", ["inner/__init__.py"])

    owner = PackageIndex(own_root, []).owner_of(str(inner / "inner" / "__init__.py"))

    assert (owner.package, owner.detail) == ("outer", {"vendored": "inner"})


def test_script_in_bin_belongs_to_its_distribution(index, environment):
    assert index.owner_of(f"{environment.prefix}/bin/hatchling").package == "hatchling"
    assert index.owner_of(f"{environment.prefix}/bin/run-alpha").package == "Proj.Source"


def test_cached_bytecode_belongs_to_its_source(index, environment):
    owner = index.owner_of(f"{environment.site}/dateutil/__pycache__/tz.cpython-311.opt-1.pyc")

    assert (owner.package, owner.module) == ("python-dateutil", "dateutil.tz")


def test_changed_file_is_flagged(environment, own_root):
    path = environment.site / "fly" / "wing.py"
    before = PackageIndex(own_root, []).owner_of(str(path))
    path.write_text("FLAPS = 3\n")

    after = PackageIndex(own_root, []).owner_of(str(path))

    assert (before.package, before.detail) == ("On.The_Fly", None)
    assert (after.package, after.detail) == ("On.The_Fly", {"record": "changed since installation"})


def test_file_made_at_run_time_belongs_to_the_only_owner_of_its_directory(environment, own_root):
    path = environment.site / "fly" / "generated" / "tables.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("")

    owner = PackageIndex(own_root, []).owner_of(str(path))

    assert (owner.package, owner.module) == ("On.The_Fly", "fly.generated.tables")
    assert owner.detail == {"record": "not in RECORD"}


def test_dll_that_no_record_lists_is_its_own_owner(environment, own_root):
    path = environment.site / "fly" / "_sneaked.so"
    path.write_bytes(b"\x7fELF")

    owner = PackageIndex(own_root, []).owner_of(str(path))

    assert (owner.origin, owner.package, owner.detail) == ("dll", "_sneaked.so", {"record": "not in RECORD"})


def test_code_under_a_path_without_a_file_is_marked_as_generated(index, environment):
    owner = index.owner_of(f"{environment.site}/dateutil/no_such_file.py")

    assert owner.detail == {"record": "not in RECORD", "generated": True}


def test_what_is_installed_after_the_first_look_is_found(tmp_path, own_root):
    site = tmp_path / "site-packages"
    write_distribution(site, "first", ["first.py"])
    index = PackageIndex(own_root, [])
    assert index.owner_of(str(site / "first.py")).package == "first"

    write_distribution(site, "second", ["second.py"])

    assert index.owner_of(str(site / "second.py")).package == "second"


def test_file_claimed_by_two_distributions_belongs_to_the_one_whose_hash_it_has(tmp_path, own_root):
    site = tmp_path / "site-packages"
    write_distribution(site, "loser", ["shared.py"], hashes={"shared.py": "A" * 43})
    write_distribution(site, "winner", ["shared.py"], hashes={"shared.py": HASH_OF_NOTHING})

    owner = PackageIndex(own_root, []).owner_of(str(site / "shared.py"))

    assert (owner.package, owner.detail) == ("winner", None)


def test_leftover_of_a_failed_upgrade_is_not_a_second_owner(tmp_path, own_root):
    site = tmp_path / "site-packages"
    write_distribution(site, "~ool", ["tool/__init__.py"])
    write_distribution(site, "tool", ["tool/__init__.py"])
    (site / "tool" / "extra.py").write_text("")

    assert PackageIndex(own_root, []).owner_of(str(site / "tool" / "extra.py")).package == "tool"


def test_bytecode_without_source_belongs_to_its_distribution(tmp_path, own_root):
    site = tmp_path / "site-packages"
    write_distribution(site, "sourceless", ["sourceless/__init__.pyc", "sourceless/core.pyc"])
    for name in ("__init__", "core"):
        (site / "sourceless" / f"{name}.py").write_text("")
    compileall.compile_dir(site / "sourceless", legacy=True, quiet=1)
    for source in (site / "sourceless").glob("*.py"):
        source.unlink()

    owner = PackageIndex(own_root, []).owner_of(str(site / "sourceless" / "core.py"))

    assert (owner.package, owner.module, owner.detail) == ("sourceless", "sourceless.core", None)


def test_bytecode_compiled_elsewhere_is_found_below_a_search_path(tmp_path, own_root):
    site = tmp_path / "site-packages"
    write_distribution(site, "moved", ["moved/core.pyc"])

    owner = PackageIndex(own_root, [str(site)]).owner_of("/build/tree/src/moved/core.py")

    assert (owner.package, owner.module) == ("moved", "moved.core")
    assert owner.detail == {"compiled_as": "/build/tree/src/moved/core.py"}


def test_target_directory_outside_site_packages_is_found_by_its_metadata(tmp_path, own_root):
    task = tmp_path / "task"
    write_distribution(task, "bundled", ["bundled/__init__.py"])
    (task / "handler.py").write_text("")
    index = PackageIndex(own_root, [])

    assert index.owner_of(str(task / "bundled" / "__init__.py")).package == "bundled"
    assert index.owner_of(str(task / "handler.py")).origin == "application"


def test_path_through_a_symbolic_link_has_the_owner_of_the_real_one(environment, own_root, tmp_path):
    (tmp_path / "link").symlink_to(environment.site / "dateutil")

    assert PackageIndex(own_root, []).owner_of(str(tmp_path / "link" / "tz" / "tz.py")).package == "python-dateutil"


def test_file_linked_into_site_packages_belongs_to_the_distribution_that_recorded_the_link(tmp_path, own_root):
    site = tmp_path / "site-packages"
    write_distribution(site, "linked", ["linked.py"])
    (tmp_path / "cache").mkdir()
    shutil.move(site / "linked.py", tmp_path / "cache" / "linked.py")
    (site / "linked.py").symlink_to(tmp_path / "cache" / "linked.py")

    assert PackageIndex(own_root, []).owner_of(str(site / "linked.py")).package == "linked"


def test_module_is_named_from_the_search_root_or_the_outermost_package(tmp_path, own_root):
    (tmp_path / "app" / "inner").mkdir(parents=True)
    for name in ("__init__.py", "inner/__init__.py", "inner/work.py"):
        (tmp_path / "app" / name).write_text("")
    path = str(tmp_path / "app" / "inner" / "work.py")

    assert PackageIndex(own_root, []).owner_of(path).module == "app.inner.work"
    assert PackageIndex(own_root, [str(tmp_path / "app")]).owner_of(path).module == "inner.work"


def test_relative_path_is_seen_from_the_working_directory(environment, own_root, tmp_path):
    (tmp_path / "app.py").write_text("")
    index = PackageIndex(own_root, [])

    assert index.owner_of("app.py", str(tmp_path)).detail is None
    assert index.owner_of("dateutil/tz/tz.py", str(environment.site)).package == "python-dateutil"
    assert index.owner_of("app.py").detail == {"generated": True}


def test_standard_library_is_known_by_its_landmarks(index):
    extension = next(Path(os.__file__).with_name("lib-dynload").glob("_*.so"))

    owners = [index.owner_of(os.__file__), index.owner_of(subprocess.__file__), index.owner_of(str(extension))]

    assert {owner.origin for owner in owners} == {"stdlib"}
    assert [owner.module for owner in owners] == ["os", "subprocess", extension.name.partition(".")[0]]


def test_interpreter_itself_is_the_standard_librarys(index):
    assert index.owner_of(str(Path(sys.executable).resolve())).origin == "stdlib"


def test_an_os_module_of_its_own_does_not_make_a_folder_the_standard_library(tmp_path, own_root):
    for name in ("app/os.py", "app/work.py", "python3.11/os.py", "python3.11/work.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    index = PackageIndex(own_root, [])

    assert index.owner_of(str(tmp_path / "app" / "work.py")).origin == "application"
    assert index.owner_of(str(tmp_path / "python3.11" / "work.py")).origin == "application"


def test_system_dll_is_its_own_owner(index):
    owner = index.owner_of("/usr/lib/x86_64-linux-gnu/libc.so.6")

    assert (owner.origin, owner.package, owner.module) == ("dll", "libc.so.6", None)
    assert index.owner_of("[vdso]").origin == "dll"
    assert index.owner_of("/memfd:payload (deleted)").origin == "dll"


def test_only_what_cpython_freezes_counts_as_frozen(index):
    assert index.owner_of("<frozen importlib._bootstrap>").module == "importlib._bootstrap"
    assert index.owner_of("<frozen importlib._bootstrap>").origin == "stdlib"
    assert index.owner_of("<frozen payload>").origin == "application"


def test_code_without_a_file_is_the_applications_and_marked(index):
    for name in ("<string>", "<stdin>", "<ipython-input-1-0a1b2c>", "/tmp/ipykernel_12/345.py", ""):
        owner = index.owner_of(name)
        assert (owner.origin, owner.detail) == ("application", {"generated": True}), name


def test_five_hundred_distributions_are_indexed_in_seconds(tmp_path, own_root):
    site = tmp_path / "site-packages"
    for number in range(500):
        files = [f"package{number}/part{part % 5}/module{part}.py" for part in range(60)]
        write_distribution(site, f"distribution-{number}", files, are_there=False)
    index = PackageIndex(own_root, [str(site)])

    begin = time.process_time()
    owner = index.owner_of(str(site / "package77" / "part1" / "module6.py"))

    assert time.process_time() - begin < 10  # some 0.3 s; parsing each file would take minutes
    assert owner.package == "distribution-77"


def test_only_directories_above_asked_files_are_listed(environment, own_root, monkeypatch):
    listed = []
    original = Places.listing
    monkeypatch.setattr(Places, "listing", lambda self, path: listed.append(path) or original(self, path))
    path = environment.site / "zope" / "event" / "__init__.py"

    PackageIndex(own_root, []).owner_of(str(path))

    assert set(map(Path, listed)) <= set(path.parents)
