"""Containers among the arguments of a call: their first items, and their length where these are not all."""

import json
from collections.abc import Sequence
from typing import Any, Final

from pyxhon.events import ArgumentKind

Slot = tuple[int, int, int, int, int]  # kind, parent, offset, length, value
NO_PARENT: Final = 255
_LISTS: Final = (ArgumentKind.TUPLE, ArgumentKind.LIST)


def nest_call_values(slots: Sequence[Slot], values: Sequence[Any]) -> list[Any]:
    """Give the arguments at the top, with what is in them.

    A container of which all is told is a list or `{"entries": {key: value}}`; another is `{"items": [value], "length":
    n}`, or has its `length` beside `entries`.
    """
    items: dict[int, list[int]] = {}
    for index, slot in enumerate(slots):
        if slot[1] < index:
            items.setdefault(slot[1], []).append(index)
    shown: dict[int, Any] = {}
    for index in reversed(range(len(slots))):  # what is in a container comes after it
        shown[index] = _show(index, slots, values, [(each, shown[each]) for each in items.get(index, ())])
    return [shown[index] for index, slot in enumerate(slots) if slot[1] == NO_PARENT]


def _show(index: int, slots: Sequence[Slot], values: Sequence[Any], items: list[tuple[int, Any]]) -> Any:
    kind, length = slots[index][0], slots[index][3]
    if kind in _LISTS:
        told = [value for _, value in items]
        return told if len(told) == length else {"items": told, "length": length}
    if kind != ArgumentKind.DICTIONARY:
        return values[index]
    entries = {
        _key(key): value
        for (key_at, key), (value_at, value) in zip(items[::2], items[1::2], strict=False)
        if ArgumentKind.NULL not in (slots[key_at][0], slots[value_at][0])  # deleted, or its value is elsewhere
    }
    return {"entries": entries} | ({} if len(entries) == length else {"length": length})


def _key(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return f"b'{value['bytes']}'" if "bytes" in value else f"<{value.get('type', 'tuple')}>"
    return json.dumps(value, ensure_ascii=False)
