"""What an instruction computes, written as an expression: `getattr(os, 'sys' + x)('id')` where a call is.

The bytecode is run on a stack of texts, each instruction once and forward jumps only; nothing is evaluated. It comes
from a target's memory: whatever it is, there is an end, and what is not known is a question mark.
"""

from collections.abc import Sequence
from typing import Final

from pyxhon.cpython.bytecode import Instruction
from pyxhon.cpython.disassembly import Parts, describe_argument, jump_target
from pyxhon.cpython.opcode_tables import OpcodeTable
from pyxhon.cpython.text_stack import HANDLERS, NULL, UNKNOWN, Operation, TextStack, inner

_ENDS: Final = ("RETURN_", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD", "JUMP_NO")
_OPERATORS: Final = {
    "ADD": "+", "SUBTRACT": "-", "MULTIPLY": "*", "TRUE_DIVIDE": "/", "FLOOR_DIVIDE": "//", "MODULO": "%",
    "POWER": "**", "LSHIFT": "<<", "RSHIFT": ">>", "AND": "&", "OR": "|", "XOR": "^", "MATRIX_MULTIPLY": "@",
}  # fmt: skip
_UNARY: Final = {"UNARY_NEGATIVE": "-", "UNARY_POSITIVE": "+", "UNARY_INVERT": "~", "UNARY_NOT": "not "}
# Instructions that only take from the stack, with how much.
_POPS: Final = {
    "POP_TOP": 1, "POP_ITER": 2, "STORE_NAME": 1, "STORE_GLOBAL": 1, "STORE_FAST": 1, "STORE_DEREF": 1, "STORE_ATTR": 2,
    "STORE_SUBSCR": 3, "STORE_SLICE": 4, "STORE_FAST_STORE_FAST": 2, "DELETE_ATTR": 1, "DELETE_SUBSCR": 2,
    "LIST_APPEND": 1, "SET_ADD": 1, "MAP_ADD": 2, "SET_UPDATE": 1, "DICT_UPDATE": 1, "PRINT_EXPR": 1,
    "RETURN_VALUE": 1, "RAISE_VARARGS": 0, "END_FOR": 1,
}  # fmt: skip
# Those that leave what is on top of it as it is, for whoever reads it.
_PASSES: Final = (
    "GET_ITER", "GET_YIELD_FROM_ITER", "GET_AWAITABLE", "TO_BOOL", "LIST_TO_TUPLE", "FORMAT_SIMPLE", "CONVERT_VALUE",
    "CALL_INTRINSIC_1", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF", "NOP", "RESUME", "CACHE", "PRECALL",
    "NOT_TAKEN", "MAKE_CELL", "COPY_FREE_VARS", "SETUP_ANNOTATIONS", "DELETE_NAME", "DELETE_FAST",
    "DELETE_GLOBAL", "DELETE_DEREF", "POP_BLOCK", "SETUP_FINALLY", "SETUP_LOOP", "GEN_START", "CHECK_EG_MATCH",
)  # fmt: skip
_SINCE_NULL_BEHIND: Final = (3, 13)  # before it stands under what is called
_SLICE_PARTS: Final = 3
_SINCE_NULLS: Final = (3, 11)
_SINCE_METHOD_ATTRIBUTES: Final = (3, 12)
_SINCE_ALWAYS_KEYWORDS: Final = (3, 14)  # CALL_FUNCTION_EX has a place for them, taken or not


class _Run:
    """One run over a code object's instructions."""

    def __init__(self, table: OpcodeTable, parts: Parts) -> None:
        self._table = table
        self._parts = parts
        self._stack = TextStack()
        self._keywords: list[str] = []
        self._waiting: dict[int, list[str]] = {}  # stacks of jumps, by where they lead
        self._is_dead = False

    def run(self, instructions: Sequence[Instruction]) -> dict[int, str]:
        """Give what instructions leave on top of the stack, by their offsets; not of those that leave nothing."""
        found = {}
        for instruction in instructions:
            self._arrive(instruction.offset)
            self._step(instruction, describe_argument(self._table, self._parts, instruction))
            if instruction.name not in _POPS:
                top = next((text for text in reversed(self._stack.texts[-2:]) if text != NULL), UNKNOWN)
                if top != UNKNOWN:
                    found[instruction.offset] = str(top)
        return found

    def _arrive(self, offset: int) -> None:
        waiting = self._waiting.pop(offset, None)
        if self._is_dead:
            self._stack = TextStack(waiting or ())
        elif waiting is not None:
            self._stack.merge(waiting)
        self._is_dead = False

    def _step(self, instruction: Instruction, text: str) -> None:
        name, argument = instruction.name, instruction.argument or 0
        if "JUMP" in name or name in ("FOR_ITER", "SEND"):
            self._jump(instruction)
        elif name in _POPS:
            self._stack.pops(_POPS[name])
        elif name in HANDLERS:
            HANDLERS[name](self._stack, argument, text)
        elif name == "KW_NAMES":
            self._keywords = _words(text)
        elif name not in _PASSES:
            self._compute(name, argument, text)
        self._is_dead = name.startswith(_ENDS)

    def _compute(self, name: str, argument: int, text: str) -> None:
        if name.startswith("LOAD_"):
            self._load(name, argument, text)
        elif name.startswith("CALL"):
            self._call(name, argument)
        elif name == "MAKE_FUNCTION":
            self._make_function(argument)
        elif (operation := _operation(name, text)) is not None:
            self._operate(operation)
        elif name in _UNARY:
            self._stack.push(Operation(_UNARY[name] + inner(self._stack.pop())))
        else:
            self._stack.texts.clear()

    def _operate(self, operation: str) -> None:
        left, right = self._stack.pops(2)
        if operation == "[]":
            self._stack.push(f"{inner(left)}[{_item(right)}]")
        else:
            self._stack.push(Operation(f"{inner(left)} {operation} {inner(right)}"))

    def _jump(self, instruction: Instruction) -> None:
        name = instruction.name
        if "IF_" in name:
            condition = self._stack.pop()
            if "OR_POP" in name:
                self._wait(instruction, [*self._stack.texts, condition])
                return
        if name == "FOR_ITER":
            self._wait(instruction, self._stack.texts)
            self._stack.push(f"next({self._stack.at(1)})")
            return
        self._wait(instruction, self._stack.texts)

    def _wait(self, instruction: Instruction, texts: list[str]) -> None:
        target = jump_target(self._table, instruction)
        if target <= instruction.offset:
            return
        known = self._waiting.get(target)
        merged = TextStack(texts)
        if known is not None:
            merged.merge(known)
        self._waiting[target] = merged.texts

    def _load(self, name: str, argument: int, text: str) -> None:
        version, stack = self._table.version, self._stack
        if name == "LOAD_METHOD":
            stack.push(f"{inner(stack.pop())}.{text}", NULL)
        elif name in ("LOAD_ATTR", "LOAD_SUPER_ATTR"):
            base = stack.pop() if name == "LOAD_ATTR" else ("super()", stack.pops(3))[0]
            stack.push(f"{inner(base)}.{text}")
            if argument & 1 and (version >= _SINCE_METHOD_ATTRIBUTES):
                stack.push(NULL)
        elif name == "LOAD_GLOBAL":
            has_null = argument & 1 and version >= _SINCE_NULLS
            behind = version >= _SINCE_NULL_BEHIND
            stack.push(*([NULL] * (has_null and not behind)), text, *([NULL] * (has_null and behind)))
        elif name == "LOAD_SPECIAL":
            stack.push(f"{stack.pop()}.{text}", NULL)
        elif name == "LOAD_BUILD_CLASS":
            stack.push("__build_class__")
        elif name == "LOAD_ASSERTION_ERROR":
            stack.push("AssertionError")
        elif name.count("_FAST") > 1 and ", " in text:
            stack.push(*text.split(", ", 1))
        else:
            stack.push(text)

    def _call(self, name: str, argument: int) -> None:
        version, stack = self._table.version, self._stack
        keywords, self._keywords = self._keywords, []
        if name == "CALL_INTRINSIC_2":
            stack.push(stack.pops(2)[0])
            return
        if name == "CALL_FUNCTION_EX":
            self._call_spread(argument)
            return
        if name in ("CALL_FUNCTION_KW", "CALL_KW"):
            keywords = _words(stack.pop())
        arguments = stack.pops(argument)
        for place, keyword in enumerate(reversed(keywords[-len(arguments) :] if arguments else []), 1):
            arguments[-place] = f"{keyword}={arguments[-place]}"
        has_two = version >= _SINCE_NULLS or name == "CALL_METHOD"
        self._push_call(stack.pops(2 if has_two else 1), arguments)

    def _call_spread(self, argument: int) -> None:
        version, stack = self._table.version, self._stack
        named = [stack.pop()] if argument & 1 or version >= _SINCE_ALWAYS_KEYWORDS else []
        spread = [_spread("*", stack.pop(), "[]"), *(_spread("**", one, "{}") for one in named if one != NULL)]
        self._push_call(stack.pops(2 if version >= _SINCE_NULLS else 1), spread)

    def _push_call(self, places: list[str], arguments: list[str]) -> None:
        """Two places hold what is called and perhaps its first argument: comprehensions give theirs there."""
        called = [one for one in places if one != NULL]
        first, *rest = called or [UNKNOWN]
        self._stack.push(f"{inner(first)}({', '.join([*rest, *arguments])})")

    def _make_function(self, argument: int) -> None:
        version, stack = self._table.version, self._stack
        if version < _SINCE_NULLS:
            stack.pop()
        code = stack.pop()
        if version < _SINCE_NULL_BEHIND:
            stack.pops((argument & 15).bit_count())
        stack.push(code.replace("<code ", "<function ", 1))


def _item(text: str) -> str:
    """Write a slice that is a constant (3.14+) as other slices."""
    parts = text[len("slice(") : -1].split(", ")
    if not text.startswith("slice(") or len(parts) != _SLICE_PARTS:
        return text
    return ":".join("" if part == "None" else part for part in parts[: 2 if parts[2] == "None" else 3])


def _spread(stars: str, text: str, brackets: str) -> str:
    """Spread what was collected for a call: its own items need no stars."""
    items = text[1:-1]
    is_collected = text[:1] + text[-1:] == brackets and (stars == "*" or items.startswith(stars))
    return items if is_collected else stars + text


def _operation(name: str, text: str) -> str | None:
    kind, _, rest = name.partition("_")
    if name in ("BINARY_SUBSCR",):
        return "[]"
    if name in ("BINARY_OP", "COMPARE_OP", "IS_OP", "CONTAINS_OP"):
        return UNKNOWN if text.isdigit() else text
    return _OPERATORS.get(rest) if kind in ("BINARY", "INPLACE") else None


def _words(text: str) -> list[str]:
    """Give the names in the text of a tuple."""
    return [word.strip("'\" ") for word in text.strip("()").split(",") if word.strip()]


def expressions_of(table: OpcodeTable, parts: Parts, instructions: Sequence[Instruction]) -> dict[int, str]:
    """Write what each instruction computes, up to 160 characters, by its offset; not of those that leave nothing."""
    return _Run(table, parts).run(instructions)
