"""What many rows of a report have in common, built once: stacks, places, lists of names."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from pyxhon.join import Frame, NativeFrame
from pyxhon.report import model

_Key = TypeVar("_Key", bound=tuple[Any, ...])
_Built = TypeVar("_Built")
_MOST_KEPT: Final = 20_000


class Shared:
    """Gives equal parts of rows as one object, which nobody changes: memory, and time to write it, are spent once."""

    def __init__(self, unmapped: str) -> None:
        self._unmapped = unmapped
        self._python: _Once[tuple[Frame, ...], list[model.Location]] = _Once(self._build_python)
        self._native: _Once[tuple[NativeFrame, ...], list[model.NativeFrame]] = _Once(self._build_native)
        self._texts: _Once[tuple[str, ...], list[str]] = _Once(lambda texts: list(texts))
        self._locations: dict[Frame, model.Location] = {}

    def location(self, frame: Frame | None) -> model.Location | None:
        """Give a frame as the report shows it."""
        if frame is None:
            return None
        found = self._locations.get(frame)
        if found is None:
            if len(self._locations) >= _MOST_KEPT:
                self._locations.clear()
            found = self._locations[frame] = model.Location(frame.file, frame.line, frame.function)
        return found

    def python(self, frames: tuple[Frame, ...]) -> list[model.Location]:
        """Give a Python stack."""
        return self._python.of(frames)

    def native(self, frames: tuple[NativeFrame, ...]) -> list[model.NativeFrame]:
        """Give a native stack."""
        return self._native.of(frames)

    def texts(self, texts: tuple[str, ...]) -> list[str]:
        """Give a list of names."""
        return self._texts.of(texts)

    def _build_python(self, frames: tuple[Frame, ...]) -> list[model.Location]:
        return [model.Location(frame.file, frame.line, frame.function) for frame in frames]

    def _build_native(self, frames: tuple[NativeFrame, ...]) -> list[model.NativeFrame]:
        return [model.NativeFrame(frame.object or self._unmapped, frame.symbol, frame.offset) for frame in frames]


class _Once(Generic[_Key, _Built]):
    """Builds something once for equal keys; to compare long ones takes time, so each object is compared once."""

    def __init__(self, build: Callable[[_Key], _Built]) -> None:
        self._build = build
        self._by_value: dict[_Key, _Built] = {}
        self._by_object: dict[int, tuple[_Key, _Built]] = {}  # what is held here keeps its identity

    def of(self, key: _Key) -> _Built:
        """Give what belongs to a key."""
        known = self._by_object.get(id(key))
        if known is not None:
            return known[1]
        found = self._by_value.get(key)
        if found is None:
            if len(self._by_value) >= _MOST_KEPT:
                self._by_value.clear()
            found = self._by_value[key] = self._build(key)
        if len(self._by_object) >= _MOST_KEPT:
            self._by_object.clear()
        self._by_object[id(key)] = (key, found)
        return found
