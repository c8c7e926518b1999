"""Chains of origin: who was given a code object, what made it there, back to what the import system loaded."""

from pyxhon.join.code_origins import Origins
from pyxhon.trace.reader import open_trace
from tests.unit.join.recording import APP_MODULE, IMPORT, PKG, RUN, Recording

LAYER = ("<layer>", "<module>", 2)
INNER = ("<layer>", "hidden", 5)
_CONTENT = {
    "version": "3.12", "name": "x", "first_line": 1, "flags": 0, "argument_count": 0, "positional_only_count": 0,
    "keyword_only_count": 0, "stack_size": 1, "bytecode": b"", "bytecode_bytes": 0, "constants": [], "names": [],
    "variables": [], "cells": [], "free": [], "all_locals": [], "line_table": b"", "exception_table": b"",
    "unresolved": 0, "missing": 0,
}  # fmt: skip


class _Made(Recording):
    """A recording whose code objects were captured."""

    def code(self, frame):
        row = self._code(self.process, *frame[:2])
        self.store.set_code_content(row, f"{row:064x}", _CONTENT)
        return row

    def given(self, code, event):
        self.store.add_code_origin(code, event=event)

    def steps(self, code):
        self.store.add_events(self.rows)
        self.store.commit(is_forced=True)
        with open_trace(self.path) as reader:
            origin = Origins(reader).find(code)
            places = [(step.by, step.location and step.location.file, step.detail) for step in origin.steps]
        return places, origin.is_loaded


def test_what_was_executed_leads_to_what_made_it_and_the_file_opened_before(tmp_path):
    recording = _Made(tmp_path)
    layer = recording.code(LAYER)
    recording.audit("open", ["/srv/payload.bin", "rb", 0], [PKG])
    recording.audit("marshal.loads", [{"bytes": "c\\x00", "length": 900}], [PKG])
    recording.given(layer, recording.audit("exec", [{"code": "<module>"}], [PKG]))

    steps, is_loaded = recording.steps(layer)

    assert not is_loaded
    assert steps == [
        ("exec", PKG[0], None),
        ("marshal.loads", PKG[0], "b'c\\x00' … (900 bytes)"),
        ("opened", PKG[0], "/srv/payload.bin"),
    ]


def test_a_function_of_executed_code_is_made_by_what_executed_it(tmp_path):
    recording = _Made(tmp_path)
    layer, inner = recording.code(LAYER), recording.code(INNER)
    recording.given(layer, recording.audit("exec", [{"code": "<module>"}], [PKG]))
    recording.store.add_code_origin(inner, parent=layer)

    steps, is_loaded = recording.steps(inner)

    assert [by for by, _, _ in steps] == ["constant of", "exec"]
    assert not is_loaded


def test_layers_lead_back_one_by_one_to_the_import(tmp_path):
    recording = _Made(tmp_path)
    package, layer, deep = recording.code(PKG), recording.code(LAYER), recording.code(("<deep>", "<module>", 1))
    recording.given(package, recording.audit("exec", [{"code": "<module>"}], [*RUN, *IMPORT, APP_MODULE]))
    recording.given(layer, recording.audit("exec", [{"code": "<module>"}], [PKG]))
    recording.given(deep, recording.audit("exec", [{"code": "<module>"}], [LAYER, PKG]))

    steps, is_loaded = recording.steps(deep)

    assert [(by, file) for by, file, _ in steps] == [("exec", "<layer>"), ("exec", PKG[0]), ("import", APP_MODULE[0])]
    assert not is_loaded


def test_what_the_import_system_runs_is_loaded(tmp_path):
    recording = _Made(tmp_path)
    package = recording.code(PKG)
    recording.given(package, recording.audit("exec", [{"code": "<module>"}], [*RUN, *IMPORT, APP_MODULE]))

    assert recording.steps(package) == ([("import", APP_MODULE[0], None)], True)


def test_code_objects_that_make_each_other_come_to_an_end(tmp_path):
    recording = _Made(tmp_path)
    one, other = recording.code(LAYER), recording.code(INNER)
    recording.given(one, recording.audit("exec", [{"code": "x"}], [INNER]))
    recording.given(other, recording.audit("exec", [{"code": "x"}], [LAYER]))

    steps, is_loaded = recording.steps(one)

    assert len(steps) == 2
    assert not is_loaded


def test_what_was_only_dumped_was_not_run(tmp_path):
    recording = _Made(tmp_path)
    layer = recording.code(LAYER)
    recording.given(layer, recording.audit("marshal.dumps", [{"code": "<module>"}, 4], [PKG]))

    assert recording.steps(layer) == ([], True)
