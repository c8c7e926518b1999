"""Which code objects a process could still run: a walk over its objects, from sys.modules and the running frames.

References are followed as far as Python code is usually kept: modules, classes, functions, what they wrap, and the
constants of code objects without limit; instances and containers for a few steps. The processor time goes into looking
at very many objects, so here words are read, not whole objects, and what kind an object is gets decided once per type.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pyxhon.cpython.dictionaries import read_attributes, read_dictionary
from pyxhon.cpython.objects import (
    BYTES,
    DICT,
    LIST,
    LONG,
    MAX_ITEMS,
    TUPLE,
    UNICODE,
    Memory,
    TypeFacts,
    read_items,
    read_type,
    read_type_at,
)
from pyxhon.cpython.pages import Pages

MAX_CODES = 400_000
"""The most code objects that are looked for in a process."""

_MAX_EFFORT = 4_000_000  # a hostile process could keep us busy; each reference that is noted down costs 1
_READ = 8  # what it costs to read one object
_MAX_STEPS = 3  # through instances and containers
_MAX_CONTAINER_ITEMS = 256
_MAX_CONSTANTS = 1 << 12
_MAX_CELLS = 256
_MAX_BODY_WORDS = 32
_WORD_BYTES = 8

# Of tp_flags (Include/object.h).
_HEAP_TYPE = 1 << 9
_TYPE_SUBCLASS = 1 << 31
_LEAF = LONG | BYTES | UNICODE

# Types of C that hold callables, besides those that are read in a way of their own.
_WRAPPERS = frozenset(
    {"cell", "classmethod", "functools._lru_cache_wrapper", "functools.partial", "method", "property", "staticmethod"}
)


@dataclass(slots=True)
class CodeWalk:
    """A walk that can be continued.

    `waiting` are the objects still to be looked at, by how many steps away they are.
    """

    memory: Memory
    pages: Pages
    effort_left: int = _MAX_EFFORT
    codes_left: int = MAX_CODES
    waiting: tuple[list[int], ...] = field(default_factory=lambda: tuple([] for _ in range(_MAX_STEPS + 1)))
    _found: list[int] = field(default_factory=list)
    _met: set[int] = field(default_factory=set)
    _kinds: dict[int, "_Kind | None"] = field(default_factory=dict)

    @property
    def is_cut_short(self) -> bool:
        """There is more than may be looked at."""
        return self.effort_left <= 0 or self.codes_left <= 0

    @property
    def is_over(self) -> bool:
        """Nothing is left to be looked at, or nothing more may be."""
        return self.is_cut_short or not any(self.waiting)

    def advance(self, effort: int) -> list[int]:
        """Go on until about this much was spent; give the code objects met, each of them once in a whole walk."""
        stop_at = max(self.effort_left - effort, 0)
        for steps, waiting in enumerate(self.waiting):
            # What is met at this many steps or more never adds to those that are nearer.
            self._look_at_all(waiting, steps, stop_at)
        found, self._found = self._found, []
        return found

    def note_code(self, address: int) -> None:
        """Count a code object among those met."""
        self._found.append(address)
        self.codes_left -= 1

    def _look_at_all(self, waiting: list[int], steps: int, stop_at: int) -> None:
        met, kinds, word = self._met, self._kinds, self.pages.word
        type_offset = self.memory.layout.object_type
        while waiting and self.effort_left > stop_at and self.codes_left > 0:
            address = waiting.pop()
            if address in met:
                continue
            type_address = word(address + type_offset)
            if type_address is None:
                continue
            kind = kinds[type_address] if type_address in kinds else self._classify(type_address)
            if kind is None or steps + kind.steps > _MAX_STEPS:
                continue
            met.add(address)
            references = kind.read(self, address)
            self.effort_left -= _READ + len(references)
            self.waiting[steps + kind.steps].extend(references)

    def _classify(self, type_address: int) -> "_Kind | None":
        self.effort_left -= _READ
        meta = read_type(self.memory, type_address)
        is_type = meta is not None and bool(meta.flags & _TYPE_SUBCLASS)
        kind = _kind_of(read_type_at(self.memory, type_address)) if is_type else None
        self._kinds[type_address] = kind
        return kind


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to read what an object refers to, and how many steps away that counts."""

    read: Callable[[CodeWalk, int], list[int]]
    steps: int


def _kind_of(facts: TypeFacts | None) -> _Kind | None:
    """Give the kind of a type's instances; None where they hold no code."""
    if facts is None or facts.flags & _LEAF:
        return None
    is_of_c = not facts.flags & _HEAP_TYPE
    if is_of_c and facts.name in _OF_C:
        return _OF_C[facts.name]
    for flags, kind in _BY_FLAGS:
        if facts.flags & flags:
            return kind
    if is_of_c and facts.name not in _WRAPPERS:
        return None
    return _Kind(functools.partial(_read_body if is_of_c else _read_instance, facts), 0 if is_of_c else 1)


def _read_code(walk: CodeWalk, address: int) -> list[int]:
    walk.note_code(address)
    layout, word = walk.memory.layout, walk.pages.word
    own_type = word(address + layout.object_type)
    constants = _read_tuple(walk, word(address + layout.code_constants), _MAX_CONSTANTS)
    return [constant for constant in constants if word(constant + layout.object_type) == own_type]


def _read_function(walk: CodeWalk, address: int) -> list[int]:
    layout, word = walk.memory.layout, walk.pages.word
    fields = [
        layout.function_code,
        layout.function_defaults,
        layout.function_keyword_defaults,
        layout.function_dictionary,
    ]
    if layout.function_annotate is not None:
        fields.append(layout.function_annotate)
    cells = _read_tuple(walk, word(address + layout.function_closure), _MAX_CELLS)
    places = [address + field for field in fields] + [cell + layout.cell_value for cell in cells]
    return _present(map(word, places))


def _read_module(walk: CodeWalk, address: int) -> list[int]:
    return read_values(walk.memory, walk.pages.word(address + walk.memory.layout.module_dictionary))


def _read_class(walk: CodeWalk, address: int) -> list[int]:
    layout, word = walk.memory.layout, walk.pages.word
    values = read_values(walk.memory, word(address + layout.type_dictionary))
    return values + _present([word(address + layout.type_base)])


def _read_dictionary(walk: CodeWalk, address: int) -> list[int]:
    return read_values(walk.memory, address, _MAX_CONTAINER_ITEMS)


def _read_sequence(walk: CodeWalk, address: int) -> list[int]:
    return read_items(walk.memory, address, _MAX_CONTAINER_ITEMS) or []


def _read_body(facts: TypeFacts, walk: CodeWalk, address: int) -> list[int]:
    """Take each word of an object of C for a reference: what is none has no type that is known."""
    start = walk.memory.layout.object_type + _WORD_BYTES
    count = min((facts.basic_size - start) // _WORD_BYTES, _MAX_BODY_WORDS)
    return _present(walk.pages.words(address + start, count)) if count > 0 else []


def _read_instance(facts: TypeFacts, walk: CodeWalk, address: int) -> list[int]:
    attributes = read_attributes(walk.memory, address, _MAX_CONTAINER_ITEMS)
    values = [] if attributes is None else [value for _, value in attributes.pairs]
    return values + _read_body(facts, walk, address)


def _read_tuple(walk: CodeWalk, address: int | None, limit: int) -> list[int]:
    """Give the items of what its owner says is a tuple."""
    if not address:
        return []
    layout = walk.memory.layout
    count = walk.pages.word(address + layout.object_size) or 0
    return _present(walk.pages.words(address + layout.tuple_items, min(count, limit)))


def read_values(memory: Memory, address: int | None, limit: int = MAX_ITEMS) -> list[int]:
    """Give the addresses of a dictionary's values."""
    items = read_dictionary(memory, address, limit) if address else None
    return [] if items is None else [value for _, value in items.pairs]


def _present(words: Iterable[int | None]) -> list[int]:
    return [word for word in words if word]


_OF_C = {"code": _Kind(_read_code, 0), "function": _Kind(_read_function, 0), "module": _Kind(_read_module, 0)}
_BY_FLAGS = (
    (_TYPE_SUBCLASS, _Kind(_read_class, 0)),
    (DICT, _Kind(_read_dictionary, 1)),
    (LIST | TUPLE, _Kind(_read_sequence, 1)),
)
