"""Where a probe is placed, on small pieces of machine code."""

from array import array
from dataclasses import dataclass

import pytest

from pyxhon.cpython.machine_code import Code, Instruction, disassemble
from pyxhon.cpython.placement import (
    Place,
    place_after_call,
    place_at_entry,
    place_before_return,
    place_in_block,
    place_where_joined,
    places_before_return,
)

_START = 0x1000
_ARGUMENTS = ("rdi", "rsi", "rdx")


@dataclass(frozen=True)
class _Function:
    """A file whose code is this one function."""

    code: bytes

    def is_code(self, address: int) -> bool:
        return _START <= address < _START + len(self.code)

    def read_upto(self, address: int, limit: int) -> bytes:
        return self.code[address - _START :][:limit]

    def function_range(self, address: int) -> tuple[int, int]:  # noqa: ARG002
        return _START, _START + len(self.code)


def _code(text: str, far_jumps: tuple[int, ...] = ()) -> Code:
    return Code(_Function(bytes.fromhex(text)), array("Q", sorted(far_jumps)))


def _place(text: str, *far_jumps: int) -> Place:
    return place_at_entry(_code(text, far_jumps), _START, _ARGUMENTS)


@pytest.mark.parametrize(
    ("text", "offset", "stack_adjust"),
    [
        ("55 4889e5 c3", 0, 0),  # push rbp
        ("f30f1efa 4157 c3", 4, 0),  # endbr64; push r15
        ("4885ff 7401 90 c3", 3, 0),  # test rdi, rdi; je
        ("4881ecd8000000 84c0 7400 c3", 9, 0xD8),  # sub rsp, 0xd8; test al, al; je
        ("4883c480 4885ff 7400 c3", 7, 0x80),  # add rsp, -0x80; test; je
        ("4889e0 e800000000 c3", 3, 0),  # mov rax, rsp; call
        ("0f1f440000 55 c3", 5, 0),  # a 5-byte nop is left alone
        ("6690 c3", 0, 0),  # xchg ax, ax: a two-byte nop
    ],
)
def test_the_first_emulated_instruction_is_chosen(text, offset, stack_adjust):
    assert _place(text) == Place(_START + offset, stack_adjust, is_emulated=True)


@pytest.mark.parametrize(
    "text",
    [
        "31ff 55 c3",  # xor edi, edi: an argument is lost
        "488b3f 55 c3",  # mov rdi, [rdi]
        "ffe0 55",  # jmp rax is not emulated
        "c3 55",  # ret
        "4c89fc 55 c3",  # mov rsp, r15: no telling where the stack arguments are
        "66e80000 c3",  # a call with an operand size prefix is refused by the kernel
        "0fc7f0",  # rdrand: nothing emulated follows
    ],
)
def test_else_the_first_byte_is_chosen(text):
    assert _place(text) == Place(_START, 0, is_emulated=False)


def test_the_target_of_a_loop_is_not_chosen():
    assert not _place("4889f0 55 ebfd c3").is_emulated  # mov rax, rsi; push rbp; jmp to the push
    assert not _place("4889f0 55 c3", _START + 3).is_emulated


def test_a_tail_call_to_the_start_is_no_loop():
    assert _place("55 c3", _START).is_emulated


@pytest.mark.parametrize(
    ("text", "offset", "register"),
    [
        ("4889c3 e800000000", 3, "rbx"),  # mov rbx, rax; call
        ("4885c0 7400", 3, "rax"),  # test rax, rax; je
        ("66833d0000000000 4989c2 7500", 11, "r10"),  # cmp word [rip], 0; mov r10, rax; jne
        ("4889c5 488b00 eb00", 6, "rbp"),  # mov rbp, rax; mov rax, [rax]; jmp
        ("eb00", 0, "rax"),
    ],
)
def test_the_result_of_a_call_is_followed(text, offset, register):
    call = Instruction(_START - 5, bytes.fromhex("e800000000"), "call", "0x1000")

    assert place_after_call(_code(text), call) == Place(_START + offset, 0, is_emulated=True, register=register)


@pytest.mark.parametrize("text", ["31c0 55", "488b00 55", "4889c3 31c0 31db 55", "ffd0", "c3"])
def test_a_lost_result_is_taken_at_the_return_address(text):
    call = Instruction(_START - 5, bytes.fromhex("e800000000"), "call", "0x1000")

    assert place_after_call(_code(text), call) == Place(_START, 0, is_emulated=False, register="rax")


def test_a_path_that_joins_is_not_counted():
    call = Instruction(_START - 5, bytes.fromhex("e800000000"), "call", "0x1000")
    joined_later = _code("4889c3 4885db 7400", (_START + 3,))
    joined_at_once = _code("4889c3 4885db 7400", (_START,))

    assert place_after_call(joined_later, call) == Place(_START, 0, is_emulated=False, register="rax")
    assert place_after_call(joined_at_once, call) is None


# call; mov rbx, rax; test rbx, rbx; jne; ret; and after it another call and how it goes on
_ONE_CALL = "e800000000 4889c3 4885db 7500 c3"
_OTHER_CALL = _START + 14


def _place_where_joined(other: str, *far_jumps: int) -> tuple[Place, set[int]] | None:
    code = _code(_ONE_CALL + other, far_jumps)
    calls = [each for each in disassemble(code.image, _START, 64) if each.is_call]
    return place_where_joined(code, calls[0], calls[1:])


def test_two_calls_have_one_place_where_their_ways_join():
    place = Place(_START + 11, 0, is_emulated=True, register="rbx")

    assert _place_where_joined("e800000000 4889c3 ebf0") == (place, {_OTHER_CALL})  # mov rbx, rax; jmp to the test
    assert _place_where_joined("e800000000 4889c3 90 ebef") == (place, {_OTHER_CALL})


@pytest.mark.parametrize(
    ("other", "far_jumps"),
    [
        ("e800000000 4889c3 ebed", ()),  # jmp to the mov: rax is no longer the result
        ("e800000000 4889c5 ebf0", ()),  # mov rbp, rax: another register
        ("e800000000 4889c3 31db ebee", ()),  # xor ebx, ebx: lost
        ("e800000000 4889c3 7401 90 ebed", ()),  # je: the way may go elsewhere
        ("e800000000 4889c3 c3 ebef", ()),  # ret: nothing leads to the jump
        ("e800000000 4889c3 ebf0 74f9", ()),  # je into the way from the call
        ("e800000000 4889c3 ebf0 74ee", ()),  # je to the test, from no call
        ("e800000000 4889c3 ebf0", (_START + 8,)),  # a jump from elsewhere in the file
        ("c3", ()),
    ],
)
def test_where_something_else_joins_there_is_none(other, far_jumps):
    assert _place_where_joined(other, *far_jumps) is None


@pytest.mark.parametrize(
    ("text", "offset", "is_emulated"),
    [
        ("31ff 4889fc 55 c3", 5, True),  # neither arguments nor the stack matter within a block
        ("4885ff 7401 90 c3", 3, True),  # test rdi, rdi; je
        ("31ff ffe0 55", 0, False),  # jmp rax
        ("31ff ff10 55", 0, False),  # call [rax]
        ("31ff c3", 0, False),
    ],
)
def test_the_first_emulated_instruction_of_a_block_is_chosen(text, offset, is_emulated):
    assert place_in_block(_code(text), _START) == Place(_START + offset, 0, is_emulated=is_emulated)


@pytest.mark.parametrize(
    ("before", "text", "is_joined"),
    [
        ("c3", "31ff 55 c3", False),
        ("ffe0 0f1f00", "31ff 55 c3", False),  # jmp rax, padding
        ("31f6", "31ff 55 c3", True),  # runs on
        ("7400", "31ff 55 c3", True),  # je
        ("e800000000", "31ff 55 c3", True),  # a call comes back
        ("eb02", "31ff 55 c3", True),  # jmp to the push
        ("ffe0", "31ff 55 ebfd", True),  # a loop to it
        ("ffe0", "31ff 55 ebfe", False),  # a loop behind it
    ],
)
def test_where_another_path_joins(before, text, is_joined):
    padding = b"\x90" * 256
    code = _code(padding.hex() + before + text)
    low = _START + 256 + len(bytes.fromhex(before))

    assert code.is_joined([_START, low], low, low + 2) is is_joined


@pytest.mark.parametrize(("jump", "is_joined"), [(-1, False), (0, True), (2, True), (3, False)])
def test_a_long_jump_to_a_place_joins_it(jump, is_joined):
    low = _START + 3
    code = _code("9090c3 31ff 55 c3", (low + jump,))

    assert code.is_joined([], low, low + 2) is is_joined


def test_what_cannot_be_decoded_may_be_joined():
    assert _code("06 31ff 55 c3").is_joined([], _START + 1, _START + 3)


@pytest.mark.parametrize(
    ("text", "is_emulated"),
    [
        ("90", True),
        ("55", True),
        ("4157", True),
        ("e800000000", True),
        ("e900000000", True),
        ("eb00", True),
        ("7400", True),
        ("0f8400000000", True),
        ("f30f1efa", False),  # endbr64
        ("0f1f00", False),
        ("4055", False),  # push with another REX prefix
        ("ff30", False),  # push [rax]
        ("ff10", False),  # call [rax]
        ("e300", False),  # jrcxz
        ("f2e900000000", False),
        ("c3", False),
        ("4889e5", False),
    ],
)
def test_what_the_kernel_emulates(text, is_emulated):
    code = _code(text)

    (instruction,) = disassemble(code.image, _START, 16)

    assert instruction.is_emulated is is_emulated


def _before_return(text: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Give the one place before the last return, and the several ones, as (offset, register)."""
    code = _code(text)
    body = list(disassemble(code.image, _START, 128))
    jumps: dict[int, list[Instruction]] = {}
    for jump in body:
        if jump.is_jump and jump.target is not None:
            jumps.setdefault(jump.target, []).append(jump)
    end = max(place for place, each in enumerate(body) if each.mnemonic == "ret")
    found = [choose(body[: end + 1], jumps) for choose in (place_before_return, places_before_return)]
    one, several = ([(at.address - _START, register) for at, register in places] for places in found)
    return one, several


def test_one_place_before_a_return_is_enough_where_nothing_joins():
    assert _before_return("7410 4889d8 5b c3") == ([(0, "rbx")], [(0, "rbx")])  # je; mov rax, rbx; pop rbx; ret
    assert _before_return("e800000000 5b c3")[0] == []  # call: what it gave is not there before


def test_each_way_to_a_return_has_a_place_where_ways_join():
    # je over a jmp to the mov; call, which keeps rbx; mov rax, rbx; ret
    assert _before_return("7402 eb05 e800000000 4889d8 c3") == ([], [(2, "rbx"), (4, "rbx")])


def test_a_way_whose_result_is_null_needs_no_place():
    # jmp to the mov; xor ebx, ebx; mov rax, rbx; ret
    assert _before_return("eb02 31db 4889d8 c3") == ([], [(0, "rbx")])


@pytest.mark.parametrize(
    "text",
    [
        "488b1f 4889d8 c3",  # mov rbx, [rdi]: before that it is in no register
        "eb0a eb08 eb06 eb04 eb02 31db 4889d8 c3",  # five jumps
    ],
)
def test_else_the_return_itself_is_left(text):
    assert _before_return(text) == ([], [])
