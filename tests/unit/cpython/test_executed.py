"""What probes in the bodies of opcodes tell becomes the instructions that the compiler wrote, each once."""

import pytest

from pyxhon.cpython.executed import ExecutedReader
from pyxhon.cpython.instruction_set import load_instruction_set

TID, CODE, FRAME, OTHER = 7, 0x1000, 0xA0, 0xB0


class Thread:
    """Makes the records of a thread, as probes send them, of one version's opcodes."""

    def __init__(self, version, joined=(), *, is_whole=True):
        self.known = load_instruction_set(version)
        self.reader = ExecutedReader(self.known, frozenset(joined), is_whole=is_whole)
        self.time_ns = 0

    def take(self, name, offset, frame=FRAME, counter=0xFFF0, following=0, site="?", is_joined=0):
        """Give (offset, opcode) of what is told by then."""
        self.time_ns += 1
        words = self.known.numbers[name] | counter << 16 | following << 32
        record = (self.time_ns, 1, TID, 99, CODE, frame, words, 0, offset, 3, is_joined)
        return [(one[3], one[4]) for one in self.reader.take(record, site)]

    def number(self, name):
        return self.known.numbers[name]


def test_a_specialised_opcode_is_told_as_the_compiler_wrote_it():
    assert Thread((3, 12)).take("LOAD_ATTR_SLOT", 4) == [(4, "LOAD_ATTR")]


def test_an_instrumented_opcode_is_told_as_the_compiler_wrote_it():
    assert Thread((3, 12)).take("INSTRUMENTED_CALL", 4) == [(4, "CALL")]


def test_what_covers_an_instruction_leaves_it_to_the_site():
    assert Thread((3, 12)).take("INSTRUMENTED_LINE", 4, site="STORE_FAST") == [(4, "STORE_FAST")]


def test_an_opcode_of_two_instructions_is_told_as_both():
    thread = Thread((3, 12))
    words = thread.number("LOAD_CONST")

    assert thread.take("LOAD_FAST__LOAD_CONST", 4, counter=words) == [(4, "LOAD_FAST"), (6, "LOAD_CONST")]


def test_the_second_of_two_is_told_once_the_first_is_known_not_to_have_given_up():
    thread = Thread((3, 12))

    assert thread.take("BINARY_OP_INPLACE_ADD_UNICODE", 4) == [(4, "BINARY_OP")]
    assert thread.take("LOAD_FAST", 10) == [(8, "STORE_FAST"), (10, "LOAD_FAST")]


def test_the_second_of_two_is_told_once_where_it_comes_by_itself():
    thread = Thread((3, 12))

    thread.take("BINARY_OP_INPLACE_ADD_UNICODE", 4)
    assert thread.take("STORE_FAST", 8) == [(8, "STORE_FAST")]


def test_the_second_of_two_comes_later_where_other_code_is_called_for_the_first():
    thread = Thread((3, 12))

    thread.take("BINARY_OP_INPLACE_ADD_UNICODE", 4)
    assert thread.take("RESUME", 0, frame=OTHER) == [(0, "RESUME")]
    assert thread.take("STORE_FAST", 8) == [(8, "STORE_FAST")]


def test_a_call_of_3_11_that_has_not_given_up_is_told_whole():
    thread = Thread((3, 11), {"PRECALL"})

    assert thread.take("PRECALL_NO_KW_LEN", 4) == [(4, "PRECALL")]
    assert thread.take("RESUME", 0, frame=OTHER) == [(8, "CALL"), (0, "RESUME")]


def test_a_call_of_3_11_that_has_given_up_is_told_once():
    thread = Thread((3, 11), {"PRECALL"})

    thread.take("PRECALL_NO_KW_LEN", 4)
    assert thread.take("PRECALL_NO_KW_LEN", 4, is_joined=1, site="PRECALL") == []
    assert thread.take("CALL", 8) == [(8, "CALL")]


def test_3_11_executes_the_plain_opcode_while_it_traces():
    thread = Thread((3, 11), {"LOAD_ATTR"})

    found = [thread.take("LOAD_ATTR_SLOT", 4, is_joined=1, site="LOAD_ATTR") for _ in range(2)]
    assert found == [[(4, "LOAD_ATTR")], [(4, "LOAD_ATTR")]]


def test_what_gave_up_and_was_replaced_is_told_once():
    thread = Thread((3, 12))

    assert thread.take("LOAD_ATTR_SLOT", 4, counter=0) == [(4, "LOAD_ATTR")]
    assert thread.take("LOAD_ATTR_INSTANCE_VALUE", 4, counter=0x340) == []
    assert thread.take("LOAD_ATTR_INSTANCE_VALUE", 4, counter=0x340) == [(4, "LOAD_ATTR")]


def test_a_loop_of_one_probed_instruction_is_told_each_time():
    thread = Thread((3, 12), is_whole=False)

    assert [thread.take("LOAD_ATTR_SLOT", 4, counter=0) for _ in range(3)] == [[(4, "LOAD_ATTR")]] * 3


def test_resume_that_is_run_again_is_told_once():
    thread = Thread((3, 13))

    assert thread.take("RESUME", 0) == [(0, "RESUME")]
    assert thread.take("INSTRUMENTED_RESUME", 0) == []


@pytest.mark.parametrize("version", [(3, 8), (3, 9), (3, 10)])
def test_what_is_extended_is_told_at_its_own_place(version):
    thread = Thread(version)
    words = thread.number("LOAD_CONST") | 1 << 8

    assert thread.take("EXTENDED_ARG", 10, counter=words & 0xFFFF) == [(12, "LOAD_CONST")]


@pytest.mark.parametrize("version", [(3, 14), (3, 15)])
def test_a_jump_that_is_replaced_is_told_by_what_replaces_it(version):
    thread = Thread(version)

    assert thread.take("JUMP_BACKWARD", 4) == []
    assert thread.take("JUMP_BACKWARD_NO_JIT", 4) == [(4, "JUMP_BACKWARD")]


def test_where_only_some_are_probed_nothing_is_added():
    assert Thread((3, 12), is_whole=False).take("LOAD_FAST__LOAD_FAST", 4) == [(4, "LOAD_FAST")]


def test_what_is_left_at_the_end_is_told():
    thread = Thread((3, 12))
    thread.take("CALL_NO_KW_LIST_APPEND", 4)

    assert [(tid, one[3], one[4]) for tid, one in thread.reader.finish()] == [(TID, 12, "POP_TOP")]
