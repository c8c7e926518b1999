"""Code in zip files belongs to what the zip file carries, and a hostile zip file to nobody."""

import io
import os
import struct
import subprocess
import sys
import zipapp
import zipfile

import pytest

from pyxhon.packages import PackageIndex
from pyxhon.packages.archive import read_archive


def test_module_in_a_plain_zip_file_is_the_applications(tmp_path, own_root):
    path = write_zip(tmp_path / "app.zip", {"pkg/mod.py": "", "pkg/__init__.py": ""})

    owner = PackageIndex(own_root, []).owner_of(f"{path}/pkg/mod.py")

    assert (owner.origin, owner.module, owner.detail) == ("application", "pkg.mod", {"archive": path})


def test_zipapp_runs_as_the_application(tmp_path, own_root):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "__main__.py").write_text("import sys; print(sys._getframe().f_code.co_filename)")
    zipapp.create_archive(tmp_path / "source", tmp_path / "tool.pyz", interpreter="/usr/bin/env python3")
    run = subprocess.run([sys.executable, tmp_path / "tool.pyz"], check=True, capture_output=True, text=True)

    owner = PackageIndex(own_root, []).owner_of(run.stdout.strip())

    assert (owner.origin, owner.module) == ("application", "__main__")
    assert owner.detail == {"archive": str(tmp_path / "tool.pyz")}


def test_wheel_on_the_search_path_is_its_distribution(tmp_path, own_root):
    files = {"pkg/mod.py": "", "pkg-2.dist-info/METADATA": "Name: The.Pkg\nVersion: 2\n"}
    path = write_zip(tmp_path / "pkg-2-py3-none-any.whl", {**files, "pkg-2.dist-info/RECORD": "pkg/mod.py,,\n"})

    owner = PackageIndex(own_root, []).owner_of(f"{path}/pkg/mod.py")

    assert (owner.origin, owner.package, owner.version) == ("distribution", "The.Pkg", "2")


def test_distributions_in_one_zip_file_are_told_apart(tmp_path, own_root):
    files = {"main.py": "", "lib/one/__init__.py": "", "lib/two/__init__.pyc": ""}
    for name, suffix in (("one", "py"), ("two", "pyc")):
        files[f"lib/{name}-1.dist-info/METADATA"] = f"Name: {name}\nVersion: 1\n"
        files[f"lib/{name}-1.dist-info/RECORD"] = f"{name}/__init__.{suffix},,\n"
    path = write_zip(tmp_path / "bundle.zip", files)
    index = PackageIndex(own_root, [])

    owners = [index.owner_of(f"{path}/{name}") for name in ("lib/one/__init__.py", "lib/two/__init__.py", "main.py")]

    assert [owner.package for owner in owners] == ["one", "two", "application"]
    assert [owner.module for owner in owners] == ["one", "two", "main"]


@pytest.mark.parametrize("is_zip", [True, False])
def test_egg_belongs_to_its_distribution(tmp_path, own_root, is_zip):
    egg = tmp_path / "site-packages" / "Shell-0.3-py3.11.egg"
    files = {"shell/__init__.py": "", "EGG-INFO/PKG-INFO": "Metadata-Version: 1.0\nName: Shell\nVersion: 0.3\n"}
    if is_zip:
        egg.parent.mkdir()
        write_zip(egg, files)
    for name, text in () if is_zip else files.items():
        (egg / name).parent.mkdir(parents=True)
        (egg / name).write_text(text)

    owner = PackageIndex(own_root, []).owner_of(f"{egg}/shell/__init__.py")

    assert (owner.origin, owner.package, owner.version, owner.module) == ("distribution", "Shell", "0.3", "shell")


def test_pip_carried_by_the_standard_library_is_pip(tmp_path, own_root):
    ensurepip = tmp_path / "python3.11" / "ensurepip" / "_bundled"
    for mark in ("os.py", "encodings/__init__.py"):
        (tmp_path / "python3.11" / mark).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "python3.11" / mark).write_text("")
    ensurepip.mkdir(parents=True)
    files = {"pip/__init__.py": "", "pip-24.dist-info/METADATA": "Name: pip\nVersion: 24\n"}
    path = write_zip(ensurepip / "pip-24-py3-none-any.whl", {**files, "pip-24.dist-info/RECORD": "pip/__init__.py,,\n"})

    assert PackageIndex(own_root, []).owner_of(f"{path}/pip/__init__.py").package == "pip"


def test_standard_library_in_a_zip_file_is_recognised(tmp_path, own_root):
    library = write_zip(tmp_path / "python311.zip", {"os.py": "", "json/decoder.py": ""})
    impostor = write_zip(tmp_path / "python312.zip", {"json/decoder.py": ""})
    index = PackageIndex(own_root, [])

    assert index.owner_of(f"{library}/json/decoder.py").origin == "stdlib"
    assert index.owner_of(f"{library}/json/decoder.py").module == "json.decoder"
    assert index.owner_of(f"{impostor}/json/decoder.py").origin == "application"


def test_bomb_in_a_zip_file_is_not_unpacked(tmp_path, own_root):
    path = tmp_path / "bomb.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb-1.dist-info/METADATA", b"Name: bomb\nVersion: 1\n" + b"x" * (64 << 20))

    archive = read_archive(own_root, str(path))

    assert [found.name for found in archive.distributions] == ["bomb"]
    assert [found.version for found in archive.distributions] == ["1"]


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "huge directory", "huge zip64 directory", "lying member"])
def test_malformed_zip_file_is_no_archive(tmp_path, own_root, kind):
    path = tmp_path / "bad.zip"
    path.write_bytes(malformed_zip(kind))

    owner = PackageIndex(own_root, []).owner_of(f"{path}/pkg/mod.py")

    assert owner.origin == "application"


def test_fifo_in_place_of_a_zip_file_does_not_block(tmp_path, own_root):
    os.mkfifo(tmp_path / "pipe.zip")

    owner = PackageIndex(own_root, []).owner_of(f"{tmp_path}/pipe.zip/pkg/mod.py")

    assert owner.detail == {"generated": True}


def malformed_zip(kind: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pkg-1.dist-info/METADATA", "Name: pkg\nVersion: 1\n")
    good = bytearray(buffer.getvalue())
    end = good.rfind(b"PK\x05\x06")
    if kind == "cut":
        return bytes(good[: end + 10])
    if kind == "huge directory":
        struct.pack_into("<I", good, end + 12, 0x7FFFFFF0)
    elif kind == "huge zip64 directory":
        record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
        good[end:end] = record + locator
    elif kind == "lying member":
        central = good.find(b"PK\x01\x02")
        struct.pack_into("<II", good, central + 20, 0x7FFFFFF0, 0x7FFFFFF0)
    return {"empty": b"", "text": b"no zip at all"}.get(kind, bytes(good))


def write_zip(path, files: dict) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return str(path)
