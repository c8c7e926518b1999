"""Memory that lies: the reading of functions ends, within bounds, and what it cannot know it does not say."""

import random
import struct
import time

import pytest

from pyxhon.cpython import ran_functions
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.objects import Memory
from pyxhon.cpython.pages import Pages
from pyxhon.cpython.ran_functions import read_ran_functions
from pyxhon.cpython.reachable_code import CodeWalk
from pyxhon.cpython.run_evidence import find_evidence

_SEED = 4
_BASE = 0x100000
_WORDS = 1 << 16
_HEAP_TYPE, _DICT, _TUPLE, _UNICODE, _TYPE = 1 << 9, 1 << 29, 1 << 26, 1 << 28, 1 << 31


def _reader(words):
    block = struct.pack(f"<{len(words)}Q", *words)

    def read(address, size):
        start = address - _BASE
        return block[start : start + size] if start >= 0 and start + size <= len(block) else None

    return read


class _Process:
    """Memory in which objects are put together by hand."""

    def __init__(self, version):
        self.layout = load_layout(version)
        self.content = bytearray(8 * _WORDS)
        self._end = _BASE + 8 * 8192  # _PyRuntime lies before
        self.type = self.take(1024)
        self.put(self.type, self.layout.object_type, self.type)
        self._name(self.type, b"type", _TYPE)

    def take(self, size):
        address, self._end = self._end, self._end + (size + 15 & ~15)
        return address

    def put(self, address, offset, value, form="<Q"):
        struct.pack_into(form, self.content, address + offset - _BASE, value)

    def new_type(self, name, flags=0):
        address = self.take(1024)
        self.put(address, self.layout.object_type, self.type)
        self._name(address, name, flags)
        return address

    def _name(self, address, name, flags):
        text = self.take(len(name) + 1)
        self.content[text - _BASE : text - _BASE + len(name)] = name
        self.put(address, self.layout.type_name, text)
        self.put(address, self.layout.type_flags, flags)

    def new(self, type_address, size=256):
        address = self.take(size)
        self.put(address, self.layout.object_type, type_address)
        return address

    def new_tuple(self, type_address, items):
        address = self.new(type_address, self.layout.tuple_items + 8 * len(items))
        self.put(address, self.layout.object_size, len(items))
        for index, item in enumerate(items):
            self.put(address, self.layout.tuple_items + 8 * index, item)
        return address

    def read(self, address, size):
        start = address - _BASE
        content = bytes(self.content[start : start + size]) if start >= 0 else b""
        return content if len(content) == size else None


@pytest.mark.parametrize("minor", range(8, 16))
def test_random_memory_gives_no_functions_and_ends(minor):
    randomness = random.Random(_SEED + minor)
    layout = load_layout(f"3.{minor}")
    started = time.process_time()
    for _ in range(3):
        words = [
            randomness.choice([_BASE + 8 * randomness.randrange(_WORDS), randomness.getrandbits(64), 0, 1, 3])
            for _ in range(_WORDS)
        ]

        pieces = list(read_ran_functions(_reader(words), layout, _BASE))

        assert [piece.functions for piece in pieces if piece.functions] == []
    assert time.process_time() - started < 20


def _kinds(process):
    return {
        "tuple": process.new_type(b"tuple", _TUPLE),
        "code": process.new_type(b"code"),
        "function": process.new_type(b"function"),
        "str": process.new_type(b"str", _UNICODE),
    }


@pytest.mark.parametrize("minor", range(8, 16))
def test_objects_of_real_types_with_random_contents_do_no_harm(minor):
    randomness = random.Random(_SEED * minor)
    process = _Process(f"3.{minor}")
    layout = process.layout
    types = [
        *_kinds(process).values(),
        process.new_type(b"dict", _DICT),
        process.new_type(b"module"),
        process.new_type(b"property"),
        process.new_type(b"Instance", _HEAP_TYPE | 1 << 4 | 1 << 2),
        process.type,
    ]
    for one in types:
        process.put(one, layout.type_basic_size, randomness.choice([16, 64, 1 << 40]))
        process.put(one, layout.type_dictionary_offset, randomness.choice([0, 24, -1]), "<q")
    start = process.take(0)
    places = range(start, _BASE + 8 * _WORDS - 16, 64)
    for place in range(start, _BASE + 8 * _WORDS - 16, 8):
        values = [randomness.choice(places), randomness.getrandbits(randomness.choice([1, 4, 64])), 0]
        process.put(place, 0, randomness.choice(values))
    for place in places:
        process.put(place, layout.object_type, randomness.choice(types))
    started = time.process_time()
    pieces = 0
    walk = _walk_from(process, *places)

    while not walk.is_over:
        found = walk.advance(5000)
        evidence = find_evidence(layout)
        told = [evidence(walk.pages, address) for address in found] if evidence else []
        assert {type(each) for each in told} <= {bool, type(None)}
        pieces += 1

    assert pieces <= 4_000_000 // 5000 + 1
    assert time.process_time() - started < 20
    process.put(_BASE, layout.runtime_interpreters_head, randomness.choice(places))
    assert len(list(read_ran_functions(process.read, layout, _BASE))) < 1000


def _walk_from(process, *addresses):
    pages = Pages(process.read)
    walk = CodeWalk(Memory(pages.block, process.layout), pages)
    walk.waiting[0].extend(addresses)
    return walk


@pytest.mark.parametrize("version", ["3.11", "3.13", "3.15"])
def test_code_objects_that_contain_each_other_are_met_once(version):
    process = _Process(version)
    kinds = _kinds(process)
    first, second = (process.new(kinds["code"]) for _ in range(2))
    for code in (first, second):
        process.put(code, process.layout.code_constants, process.new_tuple(kinds["tuple"], [first, second, code, 7]))
    function = process.new(kinds["function"])
    process.put(function, process.layout.function_code, first)
    process.put(function, process.layout.function_defaults, function)

    walk = _walk_from(process, function, function)

    assert sorted(walk.advance(10_000)) == [first, second]
    assert walk.advance(10_000) == []
    assert walk.is_over
    assert not walk.is_cut_short


def test_tuples_that_contain_each_other_are_left_after_some_steps():
    process = _Process("3.13")
    kinds = _kinds(process)
    code = process.new(kinds["code"])
    nested = [code]
    for _ in range(10):
        nested.append(process.new_tuple(kinds["tuple"], [nested[-1]]))
    near, far = nested[3], nested[4]

    assert _walk_from(process, near).advance(10_000) == [code]
    assert _walk_from(process, far).advance(10_000) == []


def test_no_more_code_objects_are_met_than_may_be():
    process = _Process("3.13")
    kinds = _kinds(process)
    codes = [process.new(kinds["code"]) for _ in range(20)]
    walk = _walk_from(process, process.new_tuple(kinds["tuple"], codes))
    walk.codes_left = 10

    found = walk.advance(10_000)

    assert len(found) == 10
    assert walk.is_over
    assert walk.is_cut_short


def test_effort_is_bounded_where_everything_refers_to_everything():
    """A tuple for each place in memory, of as many items as there are."""
    process = _Process("3.13")
    kinds = _kinds(process)
    start = process.take(16) + 31 & ~31
    for address in range(start, _BASE + 8 * _WORDS - 64, 32):
        process.put(address, process.layout.object_type, kinds["tuple"])
        process.put(address, process.layout.object_size, 1 << 40)
        process.put(address, process.layout.tuple_items, (address * 7919) % (8 * _WORDS) & ~31 | _BASE)
    walk = _walk_from(process, start)
    walk.effort_left = 50_000
    pieces = 0

    while not walk.is_over:
        walk.advance(1000)
        pieces += 1

    assert 20 < pieces <= 51
    assert sum(map(len, walk.waiting)) < 100_000


def test_too_much_to_read_is_told(monkeypatch):
    process = _Process("3.13")
    monkeypatch.setattr(ran_functions, "_begin", lambda walk, *_: iter(walk.waiting[0].append(8) or ()))
    monkeypatch.setattr(CodeWalk, "is_cut_short", property(lambda _: True))

    pieces = list(read_ran_functions(process.read, process.layout, _BASE))

    assert [problem for piece in pieces for problem in piece.problems] == ["too much to read: functions were left out"]


def test_a_type_that_is_none_has_no_instances():
    process = _Process("3.13")
    kinds = _kinds(process)
    fake = process.new(kinds["tuple"], 1024)
    process._name(fake, b"code", 0)
    of_python = process.new_type(b"code", _HEAP_TYPE)

    assert _walk_from(process, process.new(fake), process.new(of_python)).advance(1000) == []


@pytest.mark.parametrize(
    "warmup, has_run", [(-8, False), (-7, True), (-1, True), (0, True), (1, None), (-9, None), (300, None)]
)
def test_on_3_11_the_warmup_counter_tells(warmup, has_run):
    process = _Process("3.11")
    code = process.new(_kinds(process)["code"])
    process.put(code, process.layout.code_warmup, warmup, "<h")

    assert find_evidence(process.layout)(Pages(process.read), code) is has_run


def _code_with(process, units, entry, monitoring=None):
    layout = process.layout
    code = process.new(_kinds(process)["code"], 512)
    process.put(code, layout.code_first_traceable, entry, "<i")
    for index, (opcode, argument) in enumerate(units):
        process.put(code, layout.code_bytecode + 2 * index, opcode | argument << 8, "<H")
    if monitoring is not None:
        data = process.take(256)
        process.put(code, layout.code_monitoring, data)
        process.put(data, layout.monitoring_local_events, monitoring)
    return code


@pytest.mark.parametrize("version", ["3.13", "3.14", "3.15"])
@pytest.mark.parametrize(
    "name, argument, monitoring, has_run",
    [
        ("RESUME", 0, None, False),
        ("RESUME_CHECK", 0, None, True),
        ("RESUME_CHECK", 0, 1, True),
        ("ENTER_EXECUTOR", 4, None, True),
        ("ENTER_EXECUTOR", 200, 0, True),
        ("INSTRUMENTED_RESUME", 0, 0, True),
        ("INSTRUMENTED_RESUME", 0, 1 << 32, None),
        ("INSTRUMENTED_RESUME", 0, None, None),
        ("RESUME", 0, 0, None),
        ("RETURN_GENERATOR", 0, None, None),
    ],
)
def test_from_3_13_the_entry_tells(version, name, argument, monitoring, has_run):
    process = _Process(version)
    number = process.layout.opcodes.number_of(name)
    cell = (1, 0)
    code = _code_with(process, [*[cell] * 20, (number, argument)], 20, monitoring)

    assert find_evidence(process.layout)(Pages(process.read), code) is has_run


def test_a_generator_expression_that_was_made_need_not_have_run():
    process = _Process("3.15")
    numbers = dict(process.layout.opcodes.numbers)
    before = [(58, 1), (numbers["RESUME_CHECK"], 4), (160, 1), (83, 0), (70, 0), (1, 0), (32, 0), (29, 0)]
    evidence = find_evidence(process.layout)

    made = _code_with(process, [*before, (numbers["INSTRUMENTED_RESUME"], 0)], 8, 0)
    run = _code_with(process, [*before, (numbers["RESUME_CHECK"], 0)], 8)

    assert evidence(Pages(process.read), made) is None
    assert evidence(Pages(process.read), run) is True


@pytest.mark.parametrize("entry", [-1, 1 << 30, 1 << 19])
def test_an_entry_outside_of_memory_tells_nothing(entry):
    process = _Process("3.14")
    code = _code_with(process, [], entry)

    assert find_evidence(process.layout)(Pages(process.read), code) is None


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12"])
def test_where_nothing_shows_there_is_no_evidence(version):
    assert find_evidence(load_layout(version)) is None


def test_pages_give_what_is_there():
    content = bytes(range(256)) * 1024
    asked = []

    def read(address, size):
        asked.append(address)
        start = address - _BASE
        return content[start : start + size] if start >= 0 and start + size <= len(content) else None

    pages = Pages(read)

    assert pages.block(_BASE + 4090, 20) == content[4090:4110]
    assert pages.block(_BASE + 10, 200_000) == content[10:200_010]
    assert pages.word(_BASE + 8) == int.from_bytes(content[8:16], "little")
    assert pages.word(_BASE + 9) is None
    assert pages.words(_BASE + 4080, 4) == list(struct.unpack("<4Q", content[4080:4112]))
    assert pages.words(_BASE + len(content) - 8, 2) == []
    assert pages.word(1 << 63) is None
    assert pages.block(-8, 16) is None
    before = len(asked)
    assert pages.word(_BASE + 16) == pages.word(_BASE + 16 + 256)
    assert len(asked) == before
    pages.forget()
    assert pages.word(_BASE + 16) is not None
    assert len(asked) == before + 1


def test_a_page_beside_a_hole_is_read():
    only = _BASE + 5 * 4096

    pages = Pages(lambda address, size: bytes(size) if (address, size) == (only, 4096) else None)

    assert pages.word(only + 4088) == 0
    assert pages.word(only + 4096) is None
    assert pages.words(only + 4080, 3) == []
