"""Which call a result belongs to, and what is kept of calls."""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pyxhon.bpf.native_records import SignalDelivery, SyscallResult, SystemCall
from pyxhon.events import Signal
from pyxhon.native_recorder import NativeRecorder
from pyxhon.native_stacks import NativeStacks
from pyxhon.ownership import Ownership
from pyxhon.pending_events import PendingEvents
from pyxhon.process_images import Image
from pyxhon.resolve import ImageCode, Resolver
from pyxhon.trace.reader import open_trace
from pyxhon.trace.store import Store

_IMAGE, _PID = 5, 7
_FCHDIR, _MEMFD_CREATE = 81, 319


class _NoMappings:
    """Nothing was mapped."""

    def read(self) -> list[object]:
        return []


@contextmanager
def _recorder(path: Path) -> Iterator[tuple[NativeRecorder, Image]]:
    with Store(path) as store:
        process = store.add_process(pid=_PID, parent_pid=1, origin="attach", started_ns=1, arguments=[])
        pending = PendingEvents(store)
        stacks = NativeStacks(store, Ownership(store), _NoMappings())
        image = Image(_IMAGE, process, _PID, ImageCode(process), 1, None, [], None)
        yield NativeRecorder(store, stacks, pending, {}), image
        pending.write()


def _key(index: int) -> bytes:
    return struct.pack("<5QII", _IMAGE, 0, 0, index, 0, Signal.SYSCALL, 0)


def _call(index: int, *slots: int | str) -> SystemCall:
    return SystemCall(_IMAGE, _PID, _PID, 1, 0, index, _key(index), Signal.SYSCALL, 0, 0, [*slots], [])


def _result(index: int, result: int) -> SyscallResult:
    return SyscallResult(_IMAGE, _PID, _PID, 2, _key(index), result, 0, {})


def test_a_result_that_was_lost_is_not_taken_from_the_next_call(tmp_path):
    with _recorder(tmp_path / "t.pyxhon") as (recorder, image):
        recorder.take_call(_call(_MEMFD_CREATE, "x", 0), image)
        recorder.take_result(_result(_MEMFD_CREATE, 3), image)
        recorder.take_call(_call(_FCHDIR, 9), image)  # its result does not come
        recorder.take_result(_result(_MEMFD_CREATE, 4), image)  # of a repeat

    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert {event.name: event.result for event in reader.events()} == {"memfd_create": 3, "fchdir": None}


def test_a_handler_or_a_stack_that_is_told_again_is_written_once(tmp_path):
    path = tmp_path / "t.pyxhon"
    with _recorder(path) as (recorder, image):
        for time_ns, number, handler in ((1, 10, 0x400), (2, 10, 0x400), (3, 12, 0x400), (4, 10, 0x500)):
            recorder.take_signal(SignalDelivery(_IMAGE, _PID, time_ns, handler, number), image)
        resolver = Resolver(recorder._store)
        for stack in (1, 2, 1):
            resolver.add_stack(image.code, stack, [], (False, False))

    with closing(sqlite3.connect(path)) as connection:
        handlers = connection.execute("SELECT number, address, time_ns FROM signal_handler ORDER BY time_ns").fetchall()
        stacks = connection.execute("SELECT count(*) FROM python_stack").fetchone()
    assert handlers == [(10, 0x400, 1), (12, 0x400, 3), (10, 0x500, 4)]
    assert stacks == (2,)


def test_nothing_is_kept_of_an_ended_image(tmp_path):
    with _recorder(tmp_path / "t.pyxhon") as (recorder, image):
        recorder.take_call(_call(_FCHDIR, 9), image)

        recorder.end(image, 2, has_successor=False)

        assert not recorder._calls
        assert not recorder._last
