"""The search for dispatch tables, among pointers that are made up."""

import time
from dataclasses import dataclass, field

import pytest

from pyxhon.cpython import dispatch_table
from pyxhon.cpython.dispatch_table import DispatchTable, find_dispatch_tables
from pyxhon.cpython.opcodes import Opcodes
from pyxhon.target.elf_tables import PT_LOAD, Segment

_TABLE = 0x8000
_CODE = 0x100000
_NO_OPCODE = _CODE + 0xFFF0
_OPCODES = Opcodes((("RESUME", 149), ("RETURN_VALUE", 36)), ((0, 118), (149, 222), (236, 254)))


@dataclass
class _Pointers:
    """What `Pointers` gives, for a file that is only pointers."""

    values: dict[int, int]
    is_partial: bool = False
    image: object = field(default=None)

    def __post_init__(self):
        self.image = self
        self.code = (Segment(PT_LOAD, 5, 0, _CODE, 0x10000, 0x10000, 0x1000),)


def _bodies() -> list[int]:
    return [_NO_OPCODE if number in _OPCODES.undefined else _CODE + 64 * number for number in range(256)]


def _find(monkeypatch, values: dict[int, int], *, is_partial: bool = False):
    monkeypatch.setattr(dispatch_table, "Pointers", lambda _: _Pointers(values, is_partial))
    return find_dispatch_tables(None, _OPCODES)


def _at(address: int, bodies: list[int]) -> dict[int, int]:
    return {address + 8 * index: body for index, body in enumerate(bodies)}


def test_a_table_is_found_between_other_pointers(monkeypatch):
    around = [_CODE + 8 * index for index in range(300)]

    tables, notes = _find(monkeypatch, _at(_TABLE, [*around, *_bodies(), *around]))

    assert tables == [DispatchTable(_TABLE + 8 * 300, tuple(_bodies()), _NO_OPCODE)]
    assert notes == []


def test_two_tables_are_both_given(monkeypatch):
    tables, _ = _find(monkeypatch, _at(_TABLE, _bodies() + _bodies()))

    assert [table.address for table in tables] == [_TABLE, _TABLE + 8 * 256]


def test_what_a_table_says_of_an_opcode():
    bodies = _bodies()
    bodies[40] = bodies[36]
    table = DispatchTable(_TABLE, tuple(bodies), _NO_OPCODE)

    assert table.body_of(36) == _CODE + 64 * 36
    assert table.body_of(120) is None
    assert table.opcodes_at(bodies[36]) == {36, 40}


@pytest.mark.parametrize(
    "number, body",
    [
        (120, _CODE),  # a number without opcode has a body of its own
        (130, _CODE + 8),
        (255, _CODE),
        (149, _NO_OPCODE),  # RESUME has none
        (70, 0x10),  # no code
    ],
)
def test_a_table_with_a_wrong_entry_is_refused(monkeypatch, number, body):
    bodies = _bodies()
    bodies[number] = body

    tables, notes = _find(monkeypatch, _at(_TABLE, bodies))

    assert tables == []
    assert notes == ["dispatch table: nothing in the file looks like one"]


def test_a_table_of_few_bodies_is_refused(monkeypatch):
    few = [_NO_OPCODE if number in _OPCODES.undefined else _CODE + number % 90 for number in range(256)]

    assert _find(monkeypatch, _at(_TABLE, few))[0] == []


def test_some_opcodes_may_have_no_body_but_not_many(monkeypatch):
    bodies = _bodies()
    bodies[50:58] = [_NO_OPCODE] * 8

    some, _ = _find(monkeypatch, _at(_TABLE, bodies))
    bodies[58] = _NO_OPCODE
    many, _ = _find(monkeypatch, _at(_TABLE, bodies))

    assert (len(some), len(many)) == (1, 0)


def test_a_table_cut_short_is_none(monkeypatch):
    assert _find(monkeypatch, _at(_TABLE, _bodies()[:255]))[0] == []


def test_three_tables_are_too_many(monkeypatch):
    tables, notes = _find(monkeypatch, _at(_TABLE, 3 * _bodies()))

    assert tables == []
    assert notes == ["dispatch table: too much in the file looks like one"]


def test_a_partial_search_says_so(monkeypatch):
    assert "more pointers than were searched" in _find(monkeypatch, {}, is_partial=True)[1][0]


def test_a_file_full_of_near_misses_takes_no_time(monkeypatch):
    bodies = _bodies()
    bodies[130] = _CODE
    values = _at(_TABLE, [_CODE + index % 16 for index in range(1 << 17)] + 1000 * bodies)
    start = time.process_time()

    tables, _ = _find(monkeypatch, values)

    assert tables == []
    assert time.process_time() - start < 10
