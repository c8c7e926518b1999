"""Line tables against CPython's own answers, for every instruction of thousands of functions."""

import base64
import functools
import json
import subprocess

from pyxhon.cpython.code import read_line_table
from tests.interpreters import every_python
from tests.targets import PROGRAMS


@functools.cache
def _records(python):
    said = subprocess.run(
        python.command(PROGRAMS / "line_tables.py"), capture_output=True, text=True, check=True, timeout=300
    ).stdout
    return [json.loads(line) for line in said.splitlines()]


@every_python()
def test_every_instruction_has_the_line_that_cpython_gives_it(python):
    records = _records(python)

    wrong = []
    for record in records:
        table = read_line_table(python.version[:2], record["first_line"], base64.b64decode(record["table"]))
        offsets = range(-2, record["size"] + 4, 2)
        ours = [table.line_of(offset) for offset in offsets]
        # CPython says -1 where there is no line.
        theirs = [None if line == -1 else line for line in record["answers"]]
        wrong += [(record["name"], *one) for one in zip(offsets, ours, theirs, strict=True) if one[1] != one[2]]

    assert wrong[:10] == []
    assert len(records) > 3000
    # One is so long that it reaches us in several records.
    assert max(len(record["table"]) for record in records) > 16384


@every_python()
def test_lines_agree_with_the_public_interface(python):
    wrong = []
    for record in _records(python):
        table = read_line_table(python.version[:2], record["first_line"], base64.b64decode(record["table"]))
        if "ranges" in record:
            expected = [(offset, line) for start, end, line in record["ranges"] for offset in range(start, end, 2)]
        else:
            expected = record["starts"]
        wrong += [(record["name"], *one) for one in expected if table.line_of(one[0]) != one[1]]

    assert wrong[:10] == []
