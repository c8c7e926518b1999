"""Calls before return addresses, against the disassembler on files of this machine; epilogues."""

import random
import re
import shutil
import subprocess

import pytest

from pyxhon.target.call_sites import FrameFlag, call_flags, direct_target
from pyxhon.target.elf import open_image
from pyxhon.target.epilogues import Epilogue, find_epilogues
from pyxhon.target.native_code import NativeCode

_LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t(?:\w+ )*?call\s+(\S+)", re.MULTILINE)


@pytest.mark.parametrize(
    "path", [shutil.which("sleep"), "/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]
)
def test_every_call_of_a_file_is_recognised(path):
    said = subprocess.run(["objdump", "-d", "-w", path], capture_output=True, text=True, check=True).stdout
    calls = [(int(at, 16), bytes.fromhex(code), operand) for at, code, operand in _LINE.findall(said)]
    wrong = []
    for at, code, operand in calls:
        is_library_call = operand.startswith("*") and operand.endswith("(%rip)")
        expected = FrameFlag.REGISTER_CALL if operand.startswith("*") and not is_library_call else FrameFlag(0)
        before = b"\x90" * 8 + code
        if call_flags(before[-8:]) != expected:
            wrong.append((hex(at), code.hex(" "), operand))
        if not operand.startswith("*") and direct_target(before[-8:], at + len(code)) != int(operand, 16):
            wrong.append((hex(at), code.hex(" "), operand))

    assert wrong == []
    assert len(calls) > 50


@pytest.mark.parametrize("path", [shutil.which("gdb"), "/usr/bin/python3"])
def test_calls_of_other_files_lead_to_stubs(path):
    said = subprocess.run(["objdump", "-d", "-w", path], capture_output=True, text=True, check=True).stdout
    calls = [
        (int(at, 16) + 5, name.endswith("@plt"))
        for at, name in re.findall(r"^ *([0-9a-f]+):\te8 .*?call +[0-9a-f]+ <([^>]+)>", said, re.MULTILINE)
    ]
    calls = random.Random(1).sample(calls, min(len(calls), 3000))

    with open_image(path) as image:
        code = NativeCode(image)
        wrong = [(hex(at), is_stub) for at, is_stub in calls if code.is_local_call(at) == is_stub]

    assert wrong == []
    assert {is_stub for _, is_stub in calls} == {True, False}


@pytest.mark.parametrize(
    "before, expected",
    [
        ("90 90 90 e8 01 02 03 04", FrameFlag(0)),
        ("90 90 ff 15 01 02 03 04", FrameFlag(0)),
        ("90 90 90 90 90 90 ff d0", FrameFlag.REGISTER_CALL),  # call *%rax
        ("90 90 90 90 90 41 ff d3", FrameFlag.REGISTER_CALL),  # call *%r11
        ("90 90 90 90 90 ff 50 18", FrameFlag.REGISTER_CALL),  # call *0x18(%rax)
        ("90 90 90 90 90 ff 14 c8", FrameFlag.REGISTER_CALL),  # call *(%rax,%rcx,8)
        ("90 ff 14 c5 01 02 03 04", FrameFlag.REGISTER_CALL),  # call *table(,%rax,8)
        ("90 90 90 90 ff 54 24 08", FrameFlag.REGISTER_CALL),  # call *8(%rsp)
        ("90 ff 94 24 00 01 00 00", FrameFlag.REGISTER_CALL),  # call *256(%rsp)
        ("90 90 ff 90 00 01 00 00", FrameFlag.REGISTER_CALL),  # call *256(%rax)
        ("90 90 90 90 90 90 ff e0", FrameFlag.NO_CALL),  # jmp *%rax
        ("90 90 90 90 90 90 90 90", FrameFlag.NO_CALL),
        ("", FrameFlag.NO_CALL),
        ("c3", FrameFlag.NO_CALL),
        ("ff d0", FrameFlag.REGISTER_CALL),
    ],
)
def test_a_call_is_told_by_its_bytes(before, expected):
    assert call_flags(bytes.fromhex(before)) == expected


@pytest.mark.parametrize(
    "code, expected",
    [
        ("48 83 c4 18 5b 5d c3", Epilogue(is_from_rbp=False, amount=24, popped=(3, 6))),
        ("48 81 c4 00 01 00 00 c3", Epilogue(is_from_rbp=False, amount=256, popped=())),
        ("48 83 ec 80 41 5c 41 5f c3", Epilogue(is_from_rbp=False, amount=0, popped=(12, 15))),
        ("c9 c3", Epilogue(is_from_rbp=True, amount=0, popped=(6,))),
        ("48 8d 65 f0 5b 41 5e 5d c3", Epilogue(is_from_rbp=True, amount=-16, popped=(3, 14, 6))),
        ("5a c3", Epilogue(is_from_rbp=False, amount=0, popped=(1,))),
        ("c3", Epilogue(is_from_rbp=False, amount=0, popped=())),
    ],
)
def test_an_epilogue_is_told_by_its_bytes(code, expected):
    assert next(find_epilogues(b"\x90\x90" + bytes.fromhex(code))) == expected


def test_code_without_returns_has_no_epilogues():
    assert list(find_epilogues(b"\x90" * 100)) == []
