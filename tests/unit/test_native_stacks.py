"""Whose the mappings are when processes end, run other programs, and pids come again."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyxhon.bpf.native_records import NativeStack
from pyxhon.native_stacks import NativeStacks
from pyxhon.ownership import Ownership
from pyxhon.process_images import Image
from pyxhon.target.mapped_files import ANONYMOUS, MappingRecord
from pyxhon.trace.store import Store

_IMAGE, _PARENT, _PID, _ROOT = 5, 6, 7, 0


class _Mappings:
    """What perf would have recorded by now."""

    def __init__(self) -> None:
        self.records: list[MappingRecord] = []

    def read(self) -> list[MappingRecord]:
        records, self.records = self.records, []
        return records


@contextmanager
def _stacks(path: Path) -> Iterator[tuple[NativeStacks, _Mappings, list[int]]]:
    """Give stacks, the records that are to come, and the addresses of those that were taken."""
    mappings, taken = _Mappings(), []
    with Store(path / "t.pyxhon") as store:
        store.add_process(pid=_PID, parent_pid=1, origin="attach", started_ns=1, arguments=[])
        ownership = Ownership(store)
        assert ownership.root_of(os.getpid()) == _ROOT
        stacks = NativeStacks(store, ownership, mappings)
        stacks.on_mapped = lambda record: taken.append(record.address)
        yield stacks, mappings, taken
        ownership.close()


def _record(time_ns: int, address: int, pid: int = _PID, *, is_first: bool = False) -> MappingRecord:
    return MappingRecord(
        time_ns, pid, pid, address, 0x1000, 0, "0:0", 0, 0, 5, 2, ANONYMOUS, is_first_of_image=is_first
    )


def _image() -> Image:
    fields = {field.name: None for field in dataclasses.fields(Image) if field.default is dataclasses.MISSING}
    return Image(**{**fields, "number": _IMAGE, "process": 1, "pid": _PID, "root": _ROOT})


def _is_mapped(stacks: NativeStacks, address: int) -> bool:
    space = stacks._spaces.get(_PID)
    return space is not None and space.find(address) is not None


def test_what_an_ended_process_mapped_last_is_taken_and_forgotten(tmp_path):
    with _stacks(tmp_path) as (stacks, mappings, taken):
        mappings.records = [_record(1, 0x1000, is_first=True), _record(2, 0x2000)]

        stacks.hold(NativeStack(_IMAGE, _PID, _PID, 3, 21, 22, (0,) * 17, b""))
        assert stacks.find(_image(), 22, 21) is not None
        assert stacks.find(_image(), 22, 21) is not None  # as often as acts name it

        stacks.end(_image(), 3, has_successor=False)

        assert taken == [0x1000, 0x2000]
        assert (stacks._spaces, stacks._rows, stacks._places) == ({}, {}, {})


def test_a_child_has_nothing_of_an_ended_process_of_its_pid(tmp_path):
    with _stacks(tmp_path) as (stacks, mappings, _):
        mappings.records = [_record(1, 0x1000, is_first=True)]

        stacks.fork(_PARENT, _PID, 2)  # the end of the former process was lost, and the parent is not known

        assert not _is_mapped(stacks, 0x1000)


def test_what_an_execve_mapped_is_not_of_the_program_before(tmp_path):
    with _stacks(tmp_path) as (stacks, mappings, taken):
        mappings.records = [
            _record(1, 0x1000, is_first=True),
            _record(2, 0x2000),
            _record(3, 0x3000, is_first=True),
            _record(4, 0x4000),
        ]

        stacks.end(_image(), 5, has_successor=True)

        assert taken == [0x1000, 0x2000]
        stacks.finish()
        assert taken == [0x1000, 0x2000, 0x3000, 0x4000]
        assert _is_mapped(stacks, 0x3000)
        assert not _is_mapped(stacks, 0x1000)
