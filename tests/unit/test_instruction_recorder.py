"""Executed instructions as they lie in the ring buffer become rows, of the packages that are wanted."""

import struct
from types import SimpleNamespace

import pytest

from pyxhon.bpf.function_records import FLOW_BYTES
from pyxhon.bpf.instruction_records import InstructionRun
from pyxhon.cpython.executed import ExecutedReader
from pyxhon.cpython.instruction_set import load_instruction_set
from pyxhon.events import EventKind
from pyxhon.instruction_recorder import InstructionRecorder, is_in

IMAGE, TID = 99, 8
CODES = {(0x1000, 0): 1, (0x2000, 0): 2}
RECORD = struct.Struct("<HHIQIIQQQQIIII")
KNOWN = load_instruction_set((3, 12))


class Store:
    """Keeps what would be stored."""

    def __init__(self):
        self.rows, self.opcodes = [], []

    def add_opcode(self, name):
        self.opcodes.append(name)
        return len(self.opcodes)

    def add_bytecode_flow(self, rows):
        self.rows += rows


class Probing:
    """Reads as a run of 3.12 does; keeps what is refused."""

    def __init__(self):
        self.opcodes, self.refused = {3: "NOP"}, []
        self.probes = SimpleNamespace(refuse=lambda *place: self.refused.append(place))

    def new_reader(self, version):
        return ExecutedReader(KNOWN, frozenset(), is_whole=True) if version == (3, 12) else None


def record(name, offset, time_ns=1, code=0x1000, image=IMAGE):
    words = KNOWN.numbers[name] | 0xFFF0 << 16
    head = (EventKind.INSTRUCTION, 0, 0, time_ns, 7, TID, image)
    return RECORD.pack(*head, code, 0xA0, words, 0, offset, 3, 0)


def an_image(process=5, version=(3, 12)):
    code = SimpleNamespace(functions=CODES, layout=SimpleNamespace(version=version))
    return SimpleNamespace(number=IMAGE, process=process, code=code)


@pytest.fixture
def store():
    return Store()


def take(recorder, *records, image=None):
    recorder.take(InstructionRun(struct.pack("<Q", FLOW_BYTES).join(records)), {IMAGE: image or an_image()})


def test_each_instruction_is_a_row(store):
    take(InstructionRecorder(store, Probing()), record("LOAD_CONST", 2, 10), record("RETURN_VALUE", 4, 11))

    assert store.rows == [(5, TID, 10, 1, 2, 1), (5, TID, 11, 1, 4, 2)]
    assert store.opcodes == ["LOAD_CONST", "RETURN_VALUE"]


def test_no_more_are_kept_than_the_limit(store):
    recorder = InstructionRecorder(store, Probing())
    recorder.limit = 2

    take(recorder, *(record("NOP", offset) for offset in (2, 4, 6)))

    assert len(store.rows) == 2
    assert recorder.is_full


def test_what_was_never_described_is_lost(store):
    recorder = InstructionRecorder(store, Probing())

    take(recorder, record("NOP", 2, code=0x5000), record("NOP", 4, image=98))

    assert store.rows == []
    assert recorder.losses() == {
        (5, "instruction", "instructions_ring_full"): 1,
        (None, "instruction", "instructions_unknown_process"): 1,
    }


def test_other_packages_are_refused_and_left_out(store):
    probing = Probing()
    recorder = InstructionRecorder(store, probing, ["json"])
    recorder.names_of = lambda described, _image: ((described.module,), "f")
    for code, module in ((0x1000, "json.decoder"), (0x2000, "jsonschema")):
        recorder.decide(SimpleNamespace(code=code, generation=0, module=module), an_image())

    take(recorder, record("NOP", 2), record("NOP", 4, code=0x2000))

    assert [row[3] for row in store.rows] == [1]
    assert probing.refused == [(IMAGE, 0x2000, 0)]


def test_a_module_is_in_the_package_that_its_name_begins_with():
    assert is_in("xml.dom", "xml")
    assert is_in("xml", "xml")
    assert not is_in("xmlrpc", "xml")


def test_what_an_instruction_did_besides_is_written_at_the_end(store):
    recorder = InstructionRecorder(store, Probing())
    take(recorder, record("CALL_NO_KW_LIST_APPEND", 2))

    recorder.finish({IMAGE: an_image()})

    assert [row[4] for row in store.rows] == [2, 10]
