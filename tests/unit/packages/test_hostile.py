"""A target lays out its files to mislead or to exhaust: nothing is read outside its root and nothing without bound."""

import json
import os
import time

import pytest

from pyxhon.packages import PackageIndex
from pyxhon.packages.metadata import read_editable_directory, read_identity, read_record
from tests.unit.packages.installs import write_distribution


def test_metadata_is_read_inside_the_targets_root(fake_root, tmp_path):
    outside = tmp_path / "outside"
    write_distribution(outside, "secret", ["secret.py"])
    (outside / "secret-1.0.dist-info" / "METADATA").write_text("Name: Leaked\nVersion: 9\n")
    site = tmp_path / "root" / "site-packages"
    site.mkdir()
    (site / "secret-1.0.dist-info").symlink_to(outside / "secret-1.0.dist-info")
    (site / "secret.py").write_text("")

    owner = PackageIndex(fake_root, []).owner_of("/site-packages/secret.py")

    assert owner.package != "Leaked"


def test_absolute_link_means_the_targets_own_root(fake_root, tmp_path):
    site = tmp_path / "root" / "srv" / "site-packages"
    write_distribution(site, "inside", ["inside.py"])
    (tmp_path / "root" / "link.py").symlink_to("/srv/site-packages/inside.py")

    assert PackageIndex(fake_root, []).owner_of("/link.py").package == "inside"


def test_fifos_and_directories_in_place_of_metadata_do_not_block(tmp_path, own_root):
    site = tmp_path / "site-packages"
    for number, name in enumerate(("RECORD", "METADATA", "direct_url.json", "top_level.txt")):
        information = site / f"odd{number}-1.dist-info"
        information.mkdir(parents=True)
        os.mkfifo(information / name)
    (site / "mod.py").write_text("")
    begin = time.monotonic()

    owner = PackageIndex(own_root, [str(site)]).owner_of(str(site / "mod.py"))

    assert owner.origin == "unknown"
    assert time.monotonic() - begin < 5


def test_name_and_version_are_bounded_and_free_of_controls():
    name, version = read_identity(b"Name: e\x1b[31mvil" + b"x" * 10_000 + b"\nVersion: 1\x00\x072\n\nName: other\n")

    assert name.startswith("e[31mvil")
    assert len(name) == 200
    assert version == "12"


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe\x00", b",,\n", b'"unbalanced,,\n', b"a,b\n", b"x" * 100_000 + b",,\n", b"\x00,,\n" * 10],
)
def test_malformed_record_gives_no_nonsense(data):
    assert all(len(path) <= 4096 for path, _ in read_record(data))


def test_quoted_paths_of_a_record_are_read():
    record = b'"with,comma/__init__.py",sha256=abc,1\nplain.py,md5=abc,1\n'

    assert list(read_record(record)) == [("with,comma/__init__.py", "abc"), ("plain.py", "")]


@pytest.mark.parametrize(
    "url", ["file://[", "file:relative", "http://host/x", "file:///a%00b", "file:///" + "x" * 9000]
)
def test_odd_project_urls_name_no_directory(url):
    data = json.dumps({"url": url, "dir_info": {"editable": True}}).encode()

    assert read_editable_directory(data) is None


@pytest.mark.parametrize(
    "path",
    ["\ud800/x.py", "/\ud800/x.py", "/a\0b.py", "/" + "x" * 100_000, "/a" * 5000, "../../../../etc/passwd", "//", "."],
)
def test_odd_paths_have_an_owner_all_the_same(index, path):
    assert index.owner_of(path).origin in {"application", "unknown"}


def test_record_may_claim_files_elsewhere_only_for_itself(tmp_path, own_root):
    site = tmp_path / "site-packages"
    write_distribution(
        site, "greedy", ["/usr/lib/python3.11/os.py", "../../../../../../../usr/lib/x.so"], are_there=False
    )
    index = PackageIndex(own_root, [str(site)])

    assert index.owner_of(os.__file__).origin == "stdlib"


def test_deep_paths_cost_little(own_root):
    index = PackageIndex(own_root, [])
    begin = time.process_time()

    for number in range(50):
        index.owner_of("/tmp" + f"/d{number}" * 800)

    assert time.process_time() - begin < 2
