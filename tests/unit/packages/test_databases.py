"""What only dpkg or conda know of."""

import json

import pytest

from pyxhon.packages import PackageIndex

DIST = "/usr/lib/python3/dist-packages"


@pytest.fixture
def debian(fake_root, tmp_path):
    """Lay out two distributions as Debian ships them: without RECORD, one namespace, one without any metadata."""
    root = tmp_path / "root"
    lists = root / "var/lib/dpkg/info"
    lists.mkdir(parents=True)
    for name in ("one", "two"):
        folder = root / DIST[1:] / "shared" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        information = root / DIST[1:] / f"shared_{name}-1.egg-info"
        information.mkdir()
        (information / "PKG-INFO").write_text(f"Metadata-Version: 1.2\nName: Shared.{name}\nVersion: 1\n")
        (information / "top_level.txt").write_text("shared\n")
        paths = (f"{DIST}/shared/{name}/__init__.py", f"{DIST}/shared_{name}-1.egg-info")
        (lists / f"python3-shared-{name}:amd64.list").write_text("\n".join(["/.", *paths]) + "\n")
    (root / DIST[1:] / "_bare.cpython-311-x86_64-linux-gnu.so").write_bytes(b"\x7fELF")
    (lists / "python3-bare.list").write_text(f"{DIST}/_bare.cpython-311-x86_64-linux-gnu.so\n")
    return PackageIndex(fake_root, [])


@pytest.mark.parametrize("name", ["one", "two"])
def test_debian_namespace_is_told_apart_by_dpkg(debian, name):
    owner = debian.owner_of(f"{DIST}/shared/{name}/__init__.py")

    assert (owner.package, owner.version, owner.module) == (f"Shared.{name}", "1", f"shared.{name}")
    assert owner.detail == {"installer": f"debian python3-shared-{name}"}


def test_debian_file_without_metadata_belongs_to_the_debian_package(debian):
    owner = debian.owner_of(f"{DIST}/_bare.cpython-311-x86_64-linux-gnu.so")

    assert (owner.origin, owner.package, owner.module) == ("distribution", "python3-bare", "_bare")


def test_debian_egg_info_claims_its_top_level(fake_root, tmp_path):
    site = tmp_path / "root" / DIST[1:]
    (site / "yaml").mkdir(parents=True)
    (site / "yaml" / "__init__.py").write_text("")
    (site / "PyYAML-6.0.egg-info").write_text("Metadata-Version: 1.2\nName: PyYAML\nVersion: 6.0\n")
    (site / "six.py").write_text("")
    (site / "six-1.16.0.egg-info").write_text("Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\n")
    index = PackageIndex(fake_root, [])

    assert index.owner_of(f"{DIST}/six.py").package == "six"
    assert index.owner_of(f"{DIST}/yaml/__init__.py").package == "unknown"


def test_conda_knows_the_dlls_of_its_prefix(fake_root, tmp_path):
    prefix = tmp_path / "root" / "opt" / "conda"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "lib").mkdir()
    (prefix / "lib" / "libblas.so.3").write_bytes(b"\x7fELF")
    meta = {"name": "libblas", "version": "3.9", "files": ["lib/libblas.so.3", 7]}
    (prefix / "conda-meta" / "libblas-3.9-0.json").write_text(json.dumps(meta))
    (prefix / "conda-meta" / "broken.json").write_text("[" * 50_000)

    owner = PackageIndex(fake_root, []).owner_of("/opt/conda/lib/libblas.so.3")

    assert (owner.origin, owner.package, owner.version) == ("distribution", "libblas", "3.9")
