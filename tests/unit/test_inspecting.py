"""`pyxhon inspect`, as a user calls it, on files that pip installed and on what is none."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import sysconfig
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pyxhon.cli import run_command_line
from pyxhon.dossier.model import Dossier
from pyxhon.report.inspection import SCHEMA, InspectedFile, Inspection
from pyxhon.report.text.inspection import write_inspection_text
from tests.unit.dossier.builds import SIX, build
from tests.unit.report.test_as_json import SCHEMA as REPORT_SCHEMA

_WHEEL = next(Path(sysconfig.get_path("purelib")).glob("rpds/*.so"))
_DOSSIER = REPORT_SCHEMA["properties"]["dlls"]["items"]["properties"]["dossier"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def inspected(capsys):
    """Give what the command prints as JSON of one file."""

    def inspect(path):
        assert run_command_line(["inspect", str(path), "--format", "json"]) == 0
        (file,) = json.loads(capsys.readouterr().out)["files"]
        return file

    return inspect


@pytest.fixture
def site(tmp_path):
    """Give an environment with one distribution that recorded one DLL and lists another without a hash."""
    folder = tmp_path / "site-packages"
    information = folder / "evil-1.5.dist-info"
    (folder / "evil").mkdir(parents=True)
    information.mkdir()
    for name in ("recorded", "changed", "sneaked", "unhashed"):
        shutil.copy(build(tmp_path, name, SIX), folder / "evil" / f"{name}.so")
    lines = ["evil/unhashed.so,,\n", "evil/__init__.py,,\n"]
    for name in ("recorded", "changed"):
        digest = hashlib.sha256((folder / "evil" / f"{name}.so").read_bytes()).digest()
        lines.append(f"evil/{name}.so,sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},1\n")
    (information / "RECORD").write_text("".join(lines))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: Evil\nVersion: 1.5\n")
    with (folder / "evil" / "changed.so").open("ab") as file:
        file.write(b"x")
    return folder / "evil"


@pytest.mark.parametrize(
    ("name", "package", "record"),
    [
        ("recorded", "Evil", "as recorded"),
        ("changed", "Evil", "changed since installation"),
        ("sneaked", None, "not in RECORD"),
        ("unhashed", "Evil", None),
    ],
)
def test_the_owner_is_held_against_its_record(site, inspected, name, package, record):
    file = inspected(site / f"{name}.so")

    assert (file["package"], file["dossier"]["record"]) == (package, record)
    assert file["version"] == (package and "1.5")


def test_a_wheel_of_pip_is_as_recorded(inspected):
    file = inspected(_WHEEL)

    assert (file["package"], file["dossier"]["record"]) == ("rpds-py", "as recorded")
    assert file["sha256"] == hashlib.sha256(_WHEEL.read_bytes()).hexdigest()
    assert file["dossier"]["python_modules"] == ["PyInit_rpds"]


def test_a_file_reached_by_a_link_has_the_owner_of_what_it_leads_to(site, inspected, tmp_path):
    (tmp_path / "link.so").symlink_to(site / "changed.so")

    file = inspected(tmp_path / "link.so")

    assert (file["package"], file["dossier"]["record"]) == ("Evil", "changed since installation")


def test_a_large_dll_is_held_against_its_record_too(site, inspected):
    with (site / "recorded.so").open("r+b") as file:
        file.truncate(40 << 20)

    assert inspected(site / "recorded.so")["dossier"]["record"] == "changed since installation"


def test_the_json_is_that_of_the_report(inspected):
    file = inspected("/lib/x86_64-linux-gnu/libz.so.1")

    jsonschema.validate(file["dossier"], _DOSSIER)
    assert set(file["dossier"]) == set(Dossier.__slots__)


def test_several_files_are_one_object(capsys):
    status = run_command_line(["inspect", str(_WHEEL), "/lib/x86_64-linux-gnu/libz.so.1", "--format", "json"])

    found = json.loads(capsys.readouterr().out)
    assert (status, found["schema"]) == (0, "pyxhon.inspect/1")
    assert [Path(file["path"]).name for file in found["files"]] == [_WHEEL.name, "libz.so.1"]


def test_text_says_what_deserves_a_look(site, capsys):
    status = run_command_line(["inspect", str(site / "changed.so"), str(site / "sneaked.so")])

    text = capsys.readouterr().out
    assert status == 0
    assert re.search(r"owner +Evil 1\.5, changed since installation", text)
    assert re.search(r"owner +no distribution, not in RECORD", text)
    assert re.search(r"system calls +6 instructions confirmed in hidden, one, two, old, fast", text)
    assert max(map(len, text.splitlines())) <= 100


def test_each_file_that_cannot_be_read_is_one_line(tmp_path, capsys):
    script, pipe = tmp_path / "script.so", tmp_path / "pipe.so"
    script.write_text("#!/bin/sh\n")
    os.mkfifo(pipe)
    names = [script, pipe, tmp_path, tmp_path / "absent.so", "/dev/zero"]

    status = run_command_line(["inspect", *map(str, names), "/lib/x86_64-linux-gnu/libz.so.1"])

    output = capsys.readouterr()
    assert status == 1
    assert output.err.splitlines() == [
        f"pyxhon: {script} is not an ELF file",
        f"pyxhon: {pipe} is not a regular file",
        f"pyxhon: {tmp_path} is not a regular file",
        f"pyxhon: {tmp_path}/absent.so cannot be opened: No such file or directory",
        "pyxhon: /dev/zero is not a regular file",
    ]
    assert "/libz.so.1" in output.out


def test_without_a_file_it_is_a_usage_error():
    assert run_command_line(["inspect"]) == 2


def test_a_damaged_file_is_no_error(tmp_path, capsys):
    path = tmp_path / "cut.so"
    path.write_bytes(_WHEEL.read_bytes()[:5000])

    assert run_command_line(["inspect", str(path)]) == 0
    assert re.search(r"partial +not looked at: truncated", capsys.readouterr().out)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=[]), max_size=300), st.integers(1, 300))
def test_hostile_text_stays_printable_and_within_the_columns(text, columns):
    names = [text] * 3
    dossier = Dossier(
        needed=names, imports={"file": names, text: names}, library_paths=names, soname=text, loader=text,
        python_modules=names, init_functions=3, init_names=names, raw_syscalls=1, raw_syscall_functions=names,
        entropy={text: 1.0}, relro=text, record=text, partial=names,
    )  # fmt: skip
    out = io.StringIO()

    write_inspection_text(
        Inspection(SCHEMA, "1", [InspectedFile("/" + text, "0" * 64, "ab", text, text, dossier)]), out, columns=columns
    )

    lines = out.getvalue().split("\n")
    assert all(line.isprintable() for line in lines)
    assert max(map(cell_len, lines)) <= min(max(columns, 72), 100)
