"""Calls of Python functions that were asked for by name: acts of those who call them.

The innermost frame of their stacks is the function itself; the frame around it calls.
"""

from dataclasses import replace
from typing import Final

from pyxhon.categories import CategoryTables
from pyxhon.join.arguments import show_value
from pyxhon.join.frameless import Sighting
from pyxhon.join.places import Place, Role
from pyxhon.join.stacks import Stacks

_REST: Final = "…"
_STANDARD = frozenset({Role.STANDARD_LIBRARY, Role.IMPORT_SYSTEM})


def show_python_call(arguments: object) -> dict[str, object]:
    """Give the arguments of a call as plain data, by parameter, in the order in which the function has them.

    They are stored as `{"args": {parameter: value}}`. Values are as those of audit events; beside these there are
    `{"dict": {key: value}}` for `**`, `{"entries": {key: value}}` for a dict that was given, and `{"items": [value]}`,
    each with `length` where it was cut.
    """
    known = arguments.get("args") if isinstance(arguments, dict) else None
    return {str(name): show_argument(value) for name, value in known.items()} if isinstance(known, dict) else {}


def show_argument(value: object) -> object:
    """Give one stored value as plain data; what was cut with its length."""
    if isinstance(value, dict):
        kinds = set(value) - {"length"}
        if kinds == {"dict"} and isinstance(value["dict"], dict):
            return _show_entries(value["dict"])
        if kinds == {"entries"} and isinstance(value["entries"], dict):
            return {**value, "entries": _show_entries(value["entries"])}
        if kinds == {"items"} and isinstance(value["items"], list):
            return [*map(show_argument, value["items"]), f"{_REST} ({value.get('length')} in all)"]
        if set(value) == {"bytes", "length"}:
            return f"{value['bytes']}… ({value['length']} bytes)"
    return [show_argument(each) for each in value] if isinstance(value, list) else show_value(value)


def _show_entries(entries: dict[str, object]) -> dict[str, object]:
    return {str(key): show_argument(each) for key, each in entries.items()}


class PythonCalls:
    """Looks at calls of Python functions: who calls, and what is called."""

    def __init__(self, stacks: Stacks, tables: CategoryTables) -> None:
        self._stacks = stacks
        self._tables = tables

    def as_called(self, seen: Sighting) -> Sighting:
        """Give the call as an act of the frame around the function; the stack stays whole."""
        view = self._stacks.caller_view(seen.event.python_stack, seen.process)
        return replace(seen, view=replace(view, frames=seen.view.frames))

    def called(self, seen: Sighting) -> Place | None:
        """Give what the function's file is."""
        return self._stacks.innermost_place(seen.event.python_stack, seen.process)

    def category(self, called: Place | None) -> str | None:
        """Give the category of the function's module, where that is the standard library's."""
        if called is None or called.role not in _STANDARD or called.module is None:
            return None
        is_listed = self._tables.is_standard_module(called.module)
        return self._tables.category_of_module(called.module) if is_listed else None
