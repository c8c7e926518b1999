"""A stack of texts, and what instructions that need no more than it do to it."""

from collections.abc import Callable, Sequence
from typing import Final

UNKNOWN: Final = "?"
NULL: Final = ""
"""What stands where there is nothing: under what is called, or behind it."""
_MAX_TEXT: Final = 160
_MAX_DEPTH: Final = 128
_MAX_COUNT: Final = 255
_ELLIPSIS: Final = "…"


class Operation(str):
    """Stands in parentheses where it is part of another expression."""

    __slots__ = ()


def inner(text: str) -> str:
    """Give a text as part of another expression."""
    return f"({text})" if isinstance(text, Operation) else text


class TextStack:
    """Texts; what is taken from below its bottom is not known."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts = list(texts)

    def push(self, *texts: str) -> None:
        """Put on top, in this order."""
        for text in texts:
            self.texts.append(text if len(text) <= _MAX_TEXT else type(text)(text[: _MAX_TEXT - 1] + _ELLIPSIS))
        del self.texts[:-_MAX_DEPTH]

    def pop(self) -> str:
        """Take from the top."""
        return self.texts.pop() if self.texts else UNKNOWN

    def pops(self, count: int) -> list[str]:
        """Take several, the topmost last."""
        return [self.pop() for _ in range(min(count, _MAX_COUNT))][::-1]

    def at(self, depth: int) -> str:
        """Look at one; 1 is the topmost."""
        return self.texts[-depth] if 0 < depth <= len(self.texts) else UNKNOWN

    def merge(self, other: Sequence[str]) -> None:
        """Come together with another way to the same place."""
        size = min(len(self.texts), len(other))
        pairs = zip(self.texts[len(self.texts) - size :], other[len(other) - size :], strict=True)
        self.texts = [mine if mine == theirs else UNKNOWN for mine, theirs in pairs]


def _build(opening: str, closing: str) -> Callable[[TextStack, int, str], None]:
    def build(stack: TextStack, argument: int, text: str) -> None:
        del text
        items = stack.pops(argument)
        trailing = "," if opening == "(" and len(items) == 1 else ""
        stack.push(f"{opening}{', '.join(items)}{trailing}{closing}")

    return build


def _build_map(stack: TextStack, argument: int, text: str) -> None:
    del text
    items = stack.pops(2 * argument)
    stack.push("{" + ", ".join(f"{key}: {value}" for key, value in zip(items[::2], items[1::2], strict=False)) + "}")


def _build_constant_map(stack: TextStack, argument: int, text: str) -> None:
    del text
    keys = stack.pop().strip("()").split(", ")
    items = stack.pops(argument)
    stack.push("{" + ", ".join(f"{key}: {value}" for key, value in zip(keys, items, strict=False)) + "}")


def _build_string(stack: TextStack, argument: int, text: str) -> None:
    del text
    stack.push(Operation(" + ".join(map(inner, stack.pops(argument)))))


def _join(stack: TextStack, argument: int, text: str) -> None:
    """Join what is to be spread over the arguments of a call (3.8)."""
    del text
    stack.push(", *".join(stack.pops(argument)))


def _extend(stack: TextStack, argument: int, text: str) -> None:
    del text
    more = stack.pop()
    if 0 < argument <= len(stack.texts):
        into = stack.texts[-argument]
        star = "**" if into.startswith("{") else "*"
        items = into[1:-1]
        stack.texts[-argument] = f"{into[:1]}{items}{', ' if items else ''}{star}{more}{into[-1:]}"[:_MAX_TEXT]


def _format_value(stack: TextStack, argument: int, text: str) -> None:
    del text
    if argument & 4:
        stack.pop()


def _format_with(stack: TextStack, argument: int, text: str) -> None:
    del argument, text
    stack.pop()


def _import(stack: TextStack, argument: int, text: str) -> None:
    del argument
    stack.pops(2)
    stack.push(f"import {text}")


def _import_from(stack: TextStack, argument: int, text: str) -> None:
    del argument
    stack.push(text)


def _slice(stack: TextStack, argument: int, text: str) -> None:
    del text
    stack.push(":".join("" if one == "None" else one for one in stack.pops(argument)))


def _binary_slice(stack: TextStack, argument: int, text: str) -> None:
    del argument, text
    base, start, end = stack.pops(3)
    stack.push(f"{base}[{'' if start == 'None' else start}:{'' if end == 'None' else end}]")


def _push_null(stack: TextStack, argument: int, text: str) -> None:
    del argument, text
    stack.push(NULL)


def _copy(stack: TextStack, argument: int, text: str) -> None:
    del text
    stack.push(stack.at(argument))


def _swap(stack: TextStack, argument: int, text: str) -> None:
    del text
    if 1 < argument <= len(stack.texts):
        texts = stack.texts
        texts[-1], texts[-argument] = texts[-argument], texts[-1]
    else:
        stack.texts.clear()


def _rotate(count: int) -> Callable[[TextStack, int, str], None]:
    def rotate(stack: TextStack, argument: int, text: str) -> None:
        del text
        taken = stack.pops(count or argument)
        stack.push(*taken[-1:], *taken[:-1])

    return rotate


def _duplicate(count: int) -> Callable[[TextStack, int, str], None]:
    def duplicate(stack: TextStack, argument: int, text: str) -> None:
        del argument, text
        taken = stack.pops(count)
        stack.push(*taken, *taken)

    return duplicate


def _unpack(stack: TextStack, argument: int, text: str) -> None:
    del text
    base = stack.pop()
    stack.push(*(f"{base}[{index}]" for index in reversed(range(min(argument, _MAX_DEPTH)))))


def _enter(stack: TextStack, argument: int, text: str) -> None:
    """Enter a with block: its exit stays below what `as` binds."""
    del argument, text
    manager = stack.pop()
    stack.push(f"{manager}.__exit__", f"{manager}.__enter__()")


def _store_and_load(stack: TextStack, argument: int, text: str) -> None:
    del argument
    stack.pop()
    stack.push(text.rpartition(", ")[2])


def _take_second(stack: TextStack, argument: int, text: str) -> None:
    """Leave the topmost of two."""
    del argument, text
    stack.push(stack.pops(2)[1])


def _yield(stack: TextStack, argument: int, text: str) -> None:
    del argument, text
    stack.pop()
    stack.push(UNKNOWN)


HANDLERS: Final[dict[str, Callable[[TextStack, int, str], None]]] = {
    "BUILD_LIST": _build("[", "]"), "BUILD_TUPLE": _build("(", ")"), "BUILD_SET": _build("{", "}"),
    "BUILD_MAP": _build_map, "BUILD_CONST_KEY_MAP": _build_constant_map, "BUILD_STRING": _build_string,
    "BUILD_SLICE": _slice, "BINARY_SLICE": _binary_slice, "BUILD_TUPLE_UNPACK_WITH_CALL": _join,
    "BUILD_MAP_UNPACK_WITH_CALL": _join, "LIST_EXTEND": _extend, "DICT_MERGE": _extend, "FORMAT_VALUE": _format_value,
    "FORMAT_WITH_SPEC": _format_with, "IMPORT_NAME": _import, "IMPORT_FROM": _import_from, "COPY": _copy,
    "SWAP": _swap, "ROT_TWO": _rotate(2), "ROT_THREE": _rotate(3), "ROT_FOUR": _rotate(4), "ROT_N": _rotate(0),
    "DUP_TOP": _duplicate(1), "DUP_TOP_TWO": _duplicate(2), "UNPACK_SEQUENCE": _unpack, "BEFORE_WITH": _enter,
    "SETUP_WITH": _enter, "STORE_FAST_LOAD_FAST": _store_and_load, "SET_FUNCTION_ATTRIBUTE": _take_second,
    "YIELD_VALUE": _yield, "PUSH_NULL": _push_null,
}  # fmt: skip
