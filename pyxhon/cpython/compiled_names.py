"""What compiled code names: imports, functions loaded and called with literal text, followed through names in a row.

For .pyc files of any version that xdis knows. It reads them itself, nothing is unmarshalled by CPython or run. Calls
are not told from loads: a function that is named counts as called.
"""

import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from xdis import get_opcode, iscode
from xdis.bytecode import Bytecode
from xdis.load import load_module_from_file_object

_NEW_LOCALS: Final = 2  # CO_NEWLOCALS: no class body
_MAX_CODES: Final = 20_000
_MAX_RECENT: Final = 8
_MAX_NAME: Final = 300
_LOADS: Final = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT")
_STORES: Final = ("STORE_NAME", "STORE_GLOBAL", "STORE_FAST", "STORE_DEREF")
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_CONSTANTS: Final = frozenset({"LOAD_CONST", "LOAD_CONST_IMMORTAL", "LOAD_CONST_MORTAL", "LOAD_SMALL_INT"})
_IMPORTERS: Final = frozenset({"builtins.__import__", "importlib.import_module"})


@dataclass(frozen=True, slots=True)
class Named:
    """One thing named. `kind`: import (a statement), name (loaded), text (called with literal text, in `written`)."""

    kind: str
    name: str
    written: str
    level: int
    line: int
    function: str
    first_line: int


@dataclass(slots=True)
class _Scope:
    code: Any
    name: str
    first_line: int
    parent: "_Scope | None"
    bound: dict[str, str | None] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        if self.parent is None:
            return ""
        return f"{self.name}.<locals>." if self.code.co_flags & _NEW_LOCALS else f"{self.name}."


class _Text(str):
    """A literal, unlike what has the same name."""

    __slots__ = ()


def read_compiled(content: bytes) -> tuple[list[tuple[int, str]], list[Named]]:
    """Give the functions and what is named. Raises whatever xdis raises for what is no .pyc file that it knows."""
    # Without offsets it would have CPython unmarshal what has our own version (xdis 6.3, load.py).
    loaded = load_module_from_file_object(io.BytesIO(content), "module.pyc", save_file_offsets=True)
    version, _, _, code, implementation = loaded[:5]
    opcodes = get_opcode(version, implementation)
    waiting = deque([_Scope(code, "<module>", 0, None)])
    functions: list[tuple[int, str]] = []
    found: list[Named] = []
    count = 0
    while waiting and count < _MAX_CODES:  # a module's names are bound before its functions are read
        scope = waiting.popleft()
        count += 1
        found += _read_code(scope, opcodes)
        for inner in scope.code.co_consts:
            if iscode(inner):
                name = getattr(inner, "co_qualname", None) or scope.prefix + str(inner.co_name)
                first = int(inner.co_firstlineno)
                waiting.append(_Scope(inner, str(name), first, scope))
                if inner.co_flags & _NEW_LOCALS and not str(inner.co_name).startswith("<"):
                    functions.append((first, str(name)))
    return functions, found


def _read_code(scope: _Scope, opcodes: Any) -> Iterator[Named]:
    recent: deque[object] = deque(maxlen=_MAX_RECENT)
    parameters = scope.code.co_varnames[: scope.code.co_argcount + scope.code.co_kwonlyargcount]
    scope.bound.update(dict.fromkeys(map(str, parameters)))
    line = int(scope.code.co_firstlineno)
    module: str | None = None
    for instruction in Bytecode(scope.code, opcodes):
        line = _line_of(instruction, line)
        name, value = instruction.opname, instruction.argval
        if name == "CACHE":
            continue
        told = _step(scope, recent, name, value)
        if name == "IMPORT_NAME":
            module = str(value)[:_MAX_NAME]
            yield from _import(scope, recent, module, line)
        elif name == "IMPORT_FROM":
            recent.append(f"{module}.{value}")
        elif told is not None:
            yield Named(told[0], told[1][:_MAX_NAME], told[2], 0, line, scope.name, scope.first_line)


def _line_of(instruction: Any, line: int) -> int:
    start = instruction.starts_line
    return start if isinstance(start, int) and not isinstance(start, bool) and start > 0 else line


def _step(scope: _Scope, recent: deque[object], name: str, value: object) -> tuple[str, str, str] | None:
    """Follow one instruction; gives what it names."""
    if name in _CONSTANTS:
        recent.append(_Text(value[:_MAX_NAME]) if isinstance(value, str) else value)
    elif name.startswith(_LOADS):
        last = value[-1] if isinstance(value, tuple) and value else value
        recent.append(found := _look_up(scope, str(last)))
        return ("name", found, "") if found else None
    elif name in _ATTRIBUTES:
        base = recent.pop() if recent else None
        is_known = isinstance(base, str) and not isinstance(base, _Text) and len(base) < _MAX_NAME
        recent.append(f"{base}.{value}" if is_known else None)
        return ("name", f"{base}.{value}", "") if is_known else None
    elif name.startswith(_STORES):
        first = value[0] if isinstance(value, tuple) and value else value
        last = recent.pop() if recent else None
        bound = last if isinstance(last, str) and not isinstance(last, _Text) else None
        scope.bound.setdefault(str(first), bound)
        if "_LOAD_" in name and isinstance(value, tuple):  # two instructions in one
            return _step(scope, recent, "LOAD_FAST", value[-1])
    elif name.startswith("CALL"):
        return _call(recent)
    return None


def _look_up(scope: _Scope, name: str) -> str | None:
    current: _Scope | None = scope
    while current is not None:
        if name in current.bound:
            return current.bound[name]
        current = current.parent
    return f"builtins.{name}"


def _call(recent: deque[object]) -> tuple[str, str, str] | None:
    """Tell a call with literal text by the last things loaded."""
    text = recent[-1] if recent else None
    if not isinstance(text, _Text):
        return None
    if len(recent) > 2 and recent[-3] == "builtins.getattr" and isinstance(recent[-2], str):  # noqa: PLR2004
        found = f"{recent[-2]}.{text}"
        recent.append(found)
        return "name", found, ""
    called = recent[-2] if len(recent) > 1 else None
    if not isinstance(called, str) or isinstance(called, _Text):
        return None
    if called in _IMPORTERS:
        recent.append(str(text).partition(".")[0] if called == "builtins.__import__" else str(text))
    return "text", called, str(text)


def _import(scope: _Scope, recent: deque[object], module: str, line: int) -> Iterator[Named]:
    names = recent.pop() if recent else None
    level = recent.pop() if recent else 0
    dots = level if isinstance(level, int) and 0 <= level < _MAX_NAME else 0
    listed = [str(name)[:_MAX_NAME] for name in names] if isinstance(names, tuple) else []
    for name in [module] if module else listed:
        yield Named("import", "." * dots + name, module, dots, line, scope.name, scope.first_line)
    recent.append(module if listed or dots else module.partition(".")[0])
