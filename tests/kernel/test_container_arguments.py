"""Containers given to Python functions, as the probes take them on real interpreters."""

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.traced import tracing_program

EXPECTED = [
    {"value": [1, 2, 3], "keywords": {"dict": {}}},
    {"value": {"items": [0, 1, 2, 3, 4, 5], "length": 20}, "keywords": {"dict": {}}},
    {"value": [1, {"items": [], "length": 2}, []], "keywords": {"dict": {}}},
    {"value": {"entries": {"k": 1, "l": {"items": [], "length": 2}, "3": None}}, "keywords": {"dict": {}}},
    {"value": {"entries": {"0": 0, "1": 1, "2": 2}, "length": 300}, "keywords": {"dict": {}}},
    {"value": {"entries": {"1": "1", "2": "2"}, "length": 8}, "keywords": {"dict": {}}},
    {"value": {"entries": {}}, "keywords": {"dict": {}}},
    {"value": {"entries": {"a": {"bytes": "x"}}}, "keywords": {"dict": {}}},
    {"value": {"entries": {}, "length": 1}, "keywords": {"dict": {}}},
    {"value": {"entries": {"<tuple>": 1.5}}, "keywords": {"dict": {}}},
    {"value": None, "keywords": {"dict": {"first": {"items": [1] * 6, "length": 7}, "second": {"entries": {"a": 1}}}}},
]
CUT = [False, True, True, False, False, False, False, False, False, False, True]


@every_python()
def test_containers_are_told_as_they_were_given(python, tmp_path):
    options = (
        "--function",
        "__main__:take",
        "--function",
        "__main__:take_twelve",
        "--calls",
        "off",
        "--syscalls",
        "off",
    )
    with tracing_program(tmp_path / "t.pyxhon", python, ["containers.py"], *options) as traced:
        traced.tell()
        status, _, complaints = traced.finish()
    assert status in (0, 4), complaints

    with open_trace(traced.trace) as reader:
        calls = list(reader.told_calls())
    assert [call.arguments["args"] for call in calls[:-1]] == EXPECTED
    assert [call.is_truncated for call in calls[:-1]] == CUT
    assert list(calls[-1].arguments["args"].values())[-3:] == [10, {"entries": {"a": 1}}, [1, 2]]
