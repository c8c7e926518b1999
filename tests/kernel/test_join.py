"""Real imports by real interpreters: each edge names its importer and line, and importing is no use of files."""

import zipfile
from pathlib import Path

import pytest

from pyxhon.join import Joined, join
from pyxhon.policy.parse import load_categories
from pyxhon.trace.reader import open_trace
from tests.interpreters import Interpreter, every_python
from tests.kernel.traced import tracing
from tests.targets import PROGRAMS

_PROGRAM = PROGRAMS / "imports_of_every_kind.py"
_INFORMATION = "borrowed-1.0.dist-info"
_FILES = {
    "borrowed/__init__.py": "from . import _decimal\nimport ftplib\n",
    "borrowed/late.py": "import smtplib\n",
    "borrowed/sub/__init__.py": "",
    "borrowed/sub/deep.py": "from .. import late\nfrom . import deeper\n",
    "borrowed/sub/deeper.py": "",
    "by_hand.py": "import mailbox\n",
    f"{_INFORMATION}/METADATA": "Metadata-Version: 2.1\nName: Borrowed\nVersion: 1.0\n",
    f"{_INFORMATION}/RECORD": "".join(
        f"borrowed/{name},,\n"
        for name in ("__init__.py", "late.py", "_decimal.so", "sub/__init__.py", "sub/deep.py", "sub/deeper.py")
    ),
}

pytestmark = pytest.mark.usefixtures("needs_bpf")


@pytest.fixture
def joined(recordings: dict[Interpreter, Joined], tmp_path: Path, python) -> Joined:
    """Join one real run for each interpreter, made once for all tests."""
    if python not in recordings:
        recordings[python] = _record(tmp_path, python)
    return recordings[python]


@pytest.fixture(scope="module")
def recordings() -> dict[Interpreter, Joined]:
    return {}


def _record(folder: Path, python: Interpreter) -> Joined:
    site, archive, trace = folder / "site-packages", folder / "lib.zip", folder / "test.pyxhon"
    for name, text in _FILES.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", "import glob\nopen('/etc/group').close()\n")
    command = python.command(_PROGRAM, site, site / "borrowed" / "_decimal.so", archive)
    with tracing(trace, command) as traced:
        status, _, complaint = traced.finish()
        assert status == 0, complaint
    with open_trace(trace) as reader:
        return join(reader, None, load_categories())


@every_python()
def test_every_import_is_an_edge_of_its_importer_and_line(joined, python):
    direct = [row for row in joined.imports if not row.is_transitive]
    own = {(row.module, row.location.line) for row in direct if row.importer == "application"}
    lines = {label: number for number, _, label in _labels()}

    assert own >= {
        ("borrowed", lines["package"]),
        ("borrowed.late", lines["by name"]),
        ("plistlib", lines["by exec"]),
        ("xml.sax", lines["from a package"]),
        ("borrowed.sub.deep", lines["from a subpackage"]),
        ("zipped", lines["from a zip file"]),
        ("missing.module", lines["missing"]),
        ("netrc", lines["in a function"]),
        ("glob", 1),
    }
    # A file among installed distributions that no RECORD lists.
    assert {row.importer for row in direct if row.module == "mailbox"} == {"unknown"}
    assert {row.module for row in direct if row.importer == "Borrowed"} >= {
        "borrowed._decimal", "ftplib", "smtplib", "borrowed.late", "borrowed.sub.deeper",
    }  # fmt: skip
    assert {row.failed for row in direct if row.module == "missing.module"} == {1}
    assert all(row.count >= 1 for row in joined.imports)


@every_python()
def test_what_packages_do_is_told_apart_from_what_importing_does(joined, python):
    acts = {(row.owner.name, row.category, row.name, row.arguments.get("path")) for row in joined.behaviours}
    opened = {
        (owner, path)
        for owner, _, name, path in acts
        if name == "open" and isinstance(path, str) and owner not in {"stdlib", "unknown"}
    }
    by_hand = {(owner, path) for owner, path in opened if "by_hand" in path}
    copied = {(owner, path) for owner, path in opened if "_decimal" in path}

    assert opened - by_hand - copied == {("application", "/etc/hosts"), ("application", "/etc/group")}
    assert {owner for owner, _ in by_hand | copied} == {"application"}
    # The C code of _decimal also makes a named tuple, which compiles: category builtins.
    assert {
        (category, name) for owner, category, name, _ in acts if owner == "Borrowed" and category != "builtins"
    } == {
        ("dll", "import borrowed._decimal"),
        ("network", "import ftplib"),
        ("network", "import smtplib"),
    }


@every_python()
def test_extension_module_imports_for_its_distribution(joined, python):
    (dll,) = [row for row in joined.behaviours if row.category == "dll" and row.owner.name == "Borrowed"]
    by_c = {row.module for row in joined.imports if row.importer == "Borrowed" and not row.is_transitive}

    assert set(dll.signals) >= {"audit", "dll-load"}
    assert (dll.location.line, dll.location.function) == (1, "<module>")
    assert {"numbers", "collections"} & by_c


def _labels() -> list[tuple[int, str, str]]:
    lines = _PROGRAM.read_text().splitlines()
    parts = [(number, *line.partition("# LINE: ")) for number, line in enumerate(lines, 1)]
    return [(number, code, label) for number, code, mark, label in parts if mark]
