"""Reading what distributions could do: all of their files, within bounds, whatever lies there."""

import os
import shutil
import time
from pathlib import Path

import pytest

from pyxhon.abilities.model import sites_from_json
from pyxhon.abilities.read import NO_TIME, SOURCE_BYTES, TOO_LARGE, Roots, read_abilities
from pyxhon.abilities.wanted import describe_wanted
from pyxhon.packages import PackageIndex
from pyxhon.policy.parse import load_categories
from pyxhon.target.root import TargetRoot, open_own_root
from tests.unit.dossier.builds import build
from tests.unit.packages.installs import write_distribution

WANTED = describe_wanted(load_categories())


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def read(site, *seen, seconds=10.0, root=None, package="evil"):
    """Read what is installed, having seen some of its files."""
    with root or open_own_root() as opened:
        index = PackageIndex(opened, [])
        files = [(0, str(site / name), package, "1.0", module_of(name), False) for name in seen]
        return read_abilities(files, Roots(lambda _: opened, lambda _: index), WANTED, seconds)


def module_of(name):
    return name.removesuffix(".py").removesuffix(".so").removesuffix("/__init__").replace("/", ".")


def summary(site, rows):
    return {
        os.path.relpath(row.path, site): row.reason or [site.name for site in sites_from_json(row.sites)]
        for row in rows
    }


def test_all_files_of_the_record_are_read(site):
    write_distribution(site, "evil", ["evil/__init__.py", "evil/deep/mod.py", "single.py", "evil/data.json"])
    (site / "evil/deep/mod.py").write_text("import os\nos.system('x')\n")

    (init, mod, single) = sorted(read(site, "evil/__init__.py"), key=lambda row: row.path)

    assert summary(site, [init, mod, single]) == {
        "evil/__init__.py": [],
        "evil/deep/mod.py": ["os", "os.system"],
        "single.py": [],
    }
    assert (mod.package, mod.version, mod.module) == ("evil", "1.0", "evil.deep.mod")


def test_what_ran_and_is_in_no_record_is_read_too(site):
    write_distribution(site, "evil", ["evil/__init__.py"])
    (site / "evil/added.py").write_text("eval('1')")

    assert summary(site, read(site, "evil/__init__.py", "evil/added.py"))["evil/added.py"] == ["eval"]


def test_without_a_record_the_folders_of_its_packages_are_read(site):
    (site / "evil-1.0.egg-info").mkdir()
    (site / "evil-1.0.egg-info/PKG-INFO").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (site / "evil-1.0.egg-info/top_level.txt").write_text("evil\n")
    (site / "evil/sub/__pycache__").mkdir(parents=True)
    (site / "evil/__init__.py").write_text("")
    (site / "evil/sub/mod.py").write_text("eval('1')")

    assert summary(site, read(site, "evil/__init__.py")) == {"evil/__init__.py": [], "evil/sub/mod.py": ["eval"]}


def test_a_hostile_distribution_is_counted_and_hangs_nothing(site):
    names = ["fifo", "huge", "deep", "nul", "linked", "away", "folder", "device", "gone", "long", "latin"]
    write_distribution(site, "evil", ["evil/__init__.py", *(f"evil/{name}.py" for name in names), "evil/odd.so"])
    for name in ("fifo", "linked", "away", "folder", "device", "gone"):
        (site / f"evil/{name}.py").unlink()
    os.mkfifo(site / "evil/fifo.py")
    with (site / "evil/huge.py").open("wb") as file:
        file.truncate(50 << 20)
    (site / "evil/deep.py").write_bytes(b"(" * 100_000 + b")" * 100_000)
    (site / "evil/nul.py").write_bytes(b"import os\0\n")
    (site / "evil/linked.py").symlink_to("linked.py")
    (site / "evil/away.py").symlink_to("/proc/self/root/dev/zero")
    (site / "evil/folder.py").mkdir()
    (site / "evil/device.py").symlink_to("/dev/zero")
    (site / "evil/long.py").write_bytes(b"x = " + b"a." * 400_000 + b"b\n")
    (site / "evil/latin.py").write_bytes(b"x = '\xff'\n")
    (site / "evil/odd.so").write_bytes(b"\x7fELF" + b"\xff" * 100)
    began = time.monotonic()

    found = summary(site, read(site, "evil/__init__.py"))

    assert time.monotonic() - began < 60
    assert found.pop("evil/__init__.py") == []
    assert found["evil/fifo.py"] == found["evil/device.py"] == found["evil/folder.py"] == "it is no regular file"
    assert found["evil/huge.py"] == TOO_LARGE
    assert found["evil/gone.py"] == found["evil/linked.py"] == found["evil/away.py"] == "no such file"
    assert found["evil/odd.so"] == "its ELF headers cannot be read"
    for name in ("deep", "nul", "long", "latin"):
        assert "its source" in found[f"evil/{name}.py"]
    assert SOURCE_BYTES < 50 << 20


def test_a_record_reaches_no_file_outside_of_its_folder(site, tmp_path):
    (tmp_path / "secret.py").write_text("eval('1')")
    write_distribution(site, "evil", ["evil/__init__.py"])
    with (site / "evil-1.0.dist-info/RECORD").open("a") as file:
        file.write(f"../secret.py,,\n{tmp_path}/secret.py,,\nevil/../../secret.py,,\n")

    assert set(summary(site, read(site, "evil/__init__.py"))) == {"evil/__init__.py"}


def test_links_lead_nowhere_outside_of_the_target_s_root(tmp_path):
    outside, root = tmp_path / "outside.py", tmp_path / "root"
    outside.write_text("eval('1')")
    site = root / "site-packages"
    write_distribution(site, "evil", ["evil/__init__.py", "evil/link.py"])
    (site / "evil/link.py").unlink()
    (site / "evil/link.py").symlink_to(outside)
    opened = TargetRoot(os.open(root, os.O_PATH | os.O_DIRECTORY), None)

    rows = read(Path("/site-packages"), "evil/__init__.py", root=opened)

    assert {row.path: row.reason for row in rows} == {
        "/site-packages/evil/__init__.py": None,
        "/site-packages/evil/link.py": "no such file",
    }


def test_the_files_of_others_are_left_to_them(site):
    write_distribution(site, "honest", ["honest.py"])
    write_distribution(site, "very_evil", ["evil/__init__.py", "honest.py"])

    rows = read(site, "evil/__init__.py", package="very_evil")

    assert set(summary(site, rows)) == {"evil/__init__.py"}


def test_what_was_read_before_is_not_read_again(site, cache, monkeypatch):
    write_distribution(site, "evil", ["evil/__init__.py"])
    (site / "evil/__init__.py").write_text("eval('1')")
    before = summary(site, read(site, "evil/__init__.py"))
    monkeypatch.setattr("pyxhon.abilities.read._START", "raise SystemExit  # {}")

    again = summary(site, read(site, "evil/__init__.py"))
    (site / "evil/__init__.py").write_text("exec('1')")
    changed = summary(site, read(site, "evil/__init__.py"))

    assert before == again == {"evil/__init__.py": ["eval"]}
    assert "its source" in changed["evil/__init__.py"]


def test_a_damaged_memory_is_ignored(site, cache):
    write_distribution(site, "evil", ["evil/__init__.py"])
    (site / "evil/__init__.py").write_text("eval('1')")
    read(site, "evil/__init__.py")
    (kept,) = cache.glob("abilities-*")

    for content in (b"", b"[]", b"{", kept.read_bytes().replace(b'"call"', b'"clal"')):
        kept.write_bytes(content)
        assert summary(site, read(site, "evil/__init__.py")) == {"evil/__init__.py": ["eval"]}


def test_when_time_is_over_the_rest_is_counted(site):
    files = [f"evil/m{number}.py" for number in range(5)]
    write_distribution(site, "evil", ["evil/__init__.py", *files])

    rows = read(site, "evil/__init__.py", seconds=0.0)

    assert {row.reason for row in rows} == {NO_TIME}
    assert len(rows) == 6


def test_more_files_than_the_bound_are_counted(site, monkeypatch):
    monkeypatch.setattr("pyxhon.abilities.read.MAX_FILES", 4)
    write_distribution(site, "evil", ["evil/__init__.py", *(f"evil/m{number}.py" for number in range(9))])

    *rows, rest = read(site, "evil/__init__.py")

    assert len(rows) == 4
    assert rest.reason == "6 files or folders are beyond the bound of 4"


def test_folders_that_have_no_end_are_counted(site, monkeypatch):
    monkeypatch.setattr("pyxhon.packages.files.MAX_FILES", 50)
    (site / "evil-1.0.egg-info").mkdir()
    (site / "evil-1.0.egg-info/PKG-INFO").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (site / "evil-1.0.egg-info/top_level.txt").write_text("evil\n")
    (site / "evil").mkdir()
    (site / "evil/__init__.py").write_text("")
    (site / "evil/again").symlink_to(".")

    rows = read(site, "evil/__init__.py")

    assert "beyond the bound" in rows[-1].reason
    assert 0 < len(rows) < 60


def test_more_places_than_the_bound_are_not_taken(site, monkeypatch):
    monkeypatch.setattr("pyxhon.abilities.read.MAX_ALL_SITES", 5)
    write_distribution(site, "evil", ["evil/__init__.py", "evil/a.py", "evil/b.py"])
    (site / "evil/a.py").write_text("import a, b, c")
    (site / "evil/b.py").write_text("import a, b, c")

    reasons = {row.path.rpartition("/")[2]: row.reason for row in read(site, "evil/__init__.py")}

    assert reasons == {"__init__.py": None, "a.py": None, "b.py": "there are more than 5 places already"}


def test_what_ran_is_read_first_and_tests_last(site):
    files = ["evil/aa_tests/x.py", "evil/tests/test_x.py", "evil/b.py", "evil/zz.py"]
    write_distribution(site, "evil", ["evil/__init__.py", *files])

    order = [os.path.relpath(row.path, site) for row in read(site, "evil/zz.py")]

    assert order[0] == "evil/zz.py"
    assert order[-1] == "evil/tests/test_x.py"


def test_an_extension_module_tells_what_it_needs_and_takes(site, tmp_path):
    source = "int system(const char *); int getuid(void); int run(void) { return system(0) + getuid(); }"
    built = build(tmp_path, "fast", source, "-lm", "-Wl,--no-as-needed")
    write_distribution(site, "evil", ["evil/__init__.py", "evil/fast.so"])
    shutil.copy(built, site / "evil/fast.so")

    found = {row.path: row for row in read(site, "evil/__init__.py")}[str(site / "evil/fast.so")]
    sites = {(each.kind, each.name, each.written) for each in sites_from_json(found.sites)}

    assert ("dll-import", "system", "symbol") in sites
    assert ("dll-import", "libc.so.6", "needed") in sites
    assert {each.line for each in sites_from_json(found.sites)} == {0}
