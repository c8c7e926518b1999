"""Code copied from memory equals what the process itself says of its code objects, field by field."""

import json

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.capturing import captured, differences
from tests.kernel.commands import pyxhon
from tests.kernel.traced import tracing_program, unexplained_losses

pytestmark = pytest.mark.usefixtures("needs_bpf")


def _record(python, folder, how):
    """Trace the program; gives the trace and what the program told."""
    trace, told = folder / "code.pyxhon", folder / "told.json"
    with tracing_program(trace, python, ["captured_code.py", told, how]) as traced:
        traced.tell()
        if how == "stay":
            assert traced.hear() == "done"
            traced.wait_until(
                lambda reader: any(
                    row.kind == "audit" and row.name == "open" and row.arguments[0] == str(told)
                    for row in reader.events()
                )
            )
            traced.tell()
        status, _, complained = traced.finish()
    assert status == 0, complained
    return trace, json.loads(told.read_text())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Give the recording of an interpreter, made once for each way to end."""
    known = {}

    def record(python, how):
        if (python, how) not in known:
            known[python, how] = _record(python, tmp_path_factory.mktemp("captured"), how)
        return known[python, how]

    return record


@every_python()
@pytest.mark.parametrize("how", ["stay", "leave"])
def test_every_code_object_that_ran_is_captured_whole(python, how, recorded):
    trace, told = recorded(python, how)

    wrong = []
    with open_trace(trace) as reader:
        known = captured(reader)
        for expected in told:
            key = (expected["file"], expected["name"], expected["first_line"], expected["bytecode"])
            found = known.get(key, [])
            if not any(differences(expected, content) == [] for content in found):
                wrong.append((key[:3], [differences(expected, content) for content in found]))

    assert wrong == []
    assert len(told) > 25


def _is_told(expected, constant):
    """Tell whether a summary is right: all of a short constant, the beginning of a long one."""
    kind, text = expected
    if constant is None or constant["type"] != kind:
        return False
    shown = constant["text"]
    if kind in ("frozenset", "slice"):
        return shown == f"<{kind}>"
    if shown == text:
        return True
    if kind in ("str", "bytes", "code", "tuple") and len(text) > 40 and "…" in shown:
        return text[:16] == shown[:16]
    if kind == "int":
        return shown == hex(int(text))
    return kind == "tuple" and text.count("(") > 1 and "?" in shown  # what lies deeper is not copied


@every_python()
@pytest.mark.parametrize("how", ["stay", "leave"])
def test_constants_are_summarised_as_repr_shows_them(python, how, recorded):
    trace, told = recorded(python, how)

    wrong, kinds = [], set()
    with open_trace(trace) as reader:
        known = captured(reader)
        for expected in told:
            key = (expected["file"], expected["name"], expected["first_line"], expected["bytecode"])
            for content in known.get(key, [])[:1]:
                assert len(content.constants) == len(expected["constants"])
                for one, constant in zip(expected["constants"], content.constants, strict=True):
                    kinds.add(one[0])
                    if not _is_told(one, constant):
                        wrong.append((key[:3], one, constant))

    assert wrong == []
    assert kinds >= {"int", "float", "complex", "str", "bytes", "tuple", "NoneType", "code"}


@every_python()
@pytest.mark.parametrize("how", ["stay", "leave"])
def test_nothing_of_code_is_lost(python, how, recorded):
    trace, _ = recorded(python, how)

    with open_trace(trace) as reader:
        losses = [row for row in unexplained_losses(reader, python) if row.signal in ("code", "stack", "records")]

    assert losses == []


@every_python()
def test_the_same_code_has_the_same_hash_in_each_process(python, recorded):
    hashes = []
    for how in ("stay", "leave"):
        trace, _ = recorded(python, how)
        with open_trace(trace) as reader:
            codes = reader.captured_codes()
            hashes.append(
                {digest for code, digest in reader.code_hashes().items() if codes[code].qualified_name == "hot"}
            )

    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 1


def _report(trace):
    return json.loads(pyxhon("report", trace, "--format", "json").stdout)


@every_python()
def test_layers_are_unrolled_to_the_innermost_code(python, tmp_path):
    trace = tmp_path / "layers.pyxhon"

    with tracing_program(trace, python, ["layers.py"]) as traced:
        traced.tell()
        status, _, complained = traced.finish()
    report = _report(trace)
    innermost = next(row for row in report["code"] if row["file"] == "<innermost>")
    shown = pyxhon("report", trace, "--code", innermost["hash"][:10]).stdout.decode()

    assert status == 0, complained
    # before 3.10.7 marshal raised an event for each code object instead
    makers = {"marshal.loads"} if python.version >= (3, 10, 7) else {"marshal.loads", "code.__new__"}
    steps = [(step["by"], step["location"]["file"].rpartition("/")[2]) for step in innermost["origin"]][:4]
    assert [file for _, file in steps] == ["<middle>", "<middle>", "layers.py", "layers.py"]
    assert [by for by, _ in steps[::2]] == ["exec", "exec"]
    assert {by for by, _ in steps[1::2]} <= makers
    names = {row["name"] for row in report["behaviours"] if row["id"] in innermost["behaviours"]}
    assert names >= {"open", "os.listdir", "os.system"}
    assert any("IMPORT_NAME" in line and "os" in line for line in innermost["disassembly"])
    assert "exec at <middle>:2" in shown
    assert "constant" in shown
    assert "'/usr'" in shown


@every_python()
def test_a_hash_that_is_not_of_one_code_object_is_refused(python, recorded):
    trace, _ = recorded(python, "stay")

    done = pyxhon("report", trace, "--code", "nothing")

    assert done.returncode == 1
    assert b"no code object has the hash" in done.stderr
