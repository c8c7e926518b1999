"""Layouts are remembered as JSON: the same layout, whatever the cache holds."""

import pytest

from pyxhon.cpython import layout
from pyxhon.cpython.layout import parse_layout

_FILES = sorted(layout._DIRECTORY.glob("*.yaml"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_a_layout_is_the_same_from_the_cache(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path))
    text = path.read_text(encoding="utf-8")

    read, remembered = parse_layout(text, 12), parse_layout(text, 12)

    assert remembered == read
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"patches": 1}', '{"patches": {"x": {}}}'])
def test_a_damaged_cache_is_read_again(content, tmp_path, monkeypatch):
    text = _FILES[0].read_text(encoding="utf-8")
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path))
    read = parse_layout(text)
    (cached,) = tmp_path.iterdir()
    cached.write_text(content, encoding="utf-8")

    assert parse_layout(text) == read
