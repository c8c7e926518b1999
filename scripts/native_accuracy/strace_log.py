"""Reads what `strace -ff -k -y -ttt` wrote: one file per thread, each call with its native stack."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_CALL = re.compile(r"(\d+)\.(\d{6}) (?:(\w+)\(|<\.\.\. (\w+) resumed>)(.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_RESULT = re.compile(r"\s*= (\?|0x[0-9a-f]+|-?\d+)(?: (E[A-Z0-9]+))?")
_FRAME = re.compile(r" > (?P<path>.*?)\((?P<symbol>.*?)(?:\+0x[0-9a-f]+)?\) \[(?P<offset>0x[0-9a-f]+)\]")
_STRING = re.compile(r'@?("(?:[^"\\]|\\.)*")(\.\.\.)?')
_DESCRIPTOR = re.compile(r"(?:\d+|AT_FDCWD)<(.*)>", re.DOTALL)
_IS_DESCRIBED = re.compile(r"(?:\d|AT_FDCWD)$")
_DESCRIBED = re.compile(r'<(?:\\.|->|"(?:\\.|[^"\\])*"|<[^<>]*>|[^<>"\\])*>')
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Frame:
    """One frame of a native stack: the file, and the offset into it."""

    path: str
    symbol: str
    offset: int


@dataclass
class Call:
    """One system call; `result` is a number, an error's name, or None where the thread never came back."""

    tid: int
    time_ns: int
    name: str
    arguments: list[str]
    result: int | str | None
    frames: list[Frame] = field(default_factory=list)


def read_log(prefix: Path) -> dict[int, list[Call]]:
    """Give the calls of each thread in their order, from the files PREFIX.TID."""
    calls = {}
    for path in prefix.parent.glob(f"{prefix.name}.*"):
        tid = int(path.suffix[1:])
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        calls[tid] = list(_parse(tid, lines))
    return calls


def _parse(tid: int, lines: list[str]) -> Iterator[Call]:
    call, pending = None, ""
    for line in lines:
        if line.startswith(" > "):
            if call is not None:
                call.frames.append(_frame(line))
            continue
        if call is not None:
            yield call
            call = None
        found = _CALL.match(line)
        if found is None:  # a signal, the end of the thread
            continue
        seconds, microseconds, name, resumed, rest = found.groups()
        text = pending + rest if resumed else rest
        pending = text.removesuffix(_UNFINISHED) if text.endswith(_UNFINISHED) else ""
        if pending:
            continue
        arguments, end = split_arguments(text.replace(_UNFINISHED + ")", ")"))
        time_ns = int(seconds) * 1_000_000_000 + int(microseconds) * 1000
        call = Call(tid, time_ns, name or resumed, arguments, _result(text.replace(_UNFINISHED + ")", ")")[end:]))
    if call is not None:
        yield call


def _frame(line: str) -> Frame:
    found = _FRAME.match(line)
    if found is None:  # no file is mapped there, or libunwind's complaint
        return Frame(line.removeprefix(" > "), "", 0)
    return Frame(found["path"], found["symbol"], int(found["offset"], 16))


def _result(text: str) -> int | str | None:
    found = _RESULT.match(text)
    if found is None:
        return None
    if found[2]:
        return found[2]
    return None if found[1] == "?" else int(found[1], 0)


def split_arguments(text: str) -> tuple[list[str], int]:
    """Split what stands between the parentheses of a call; also give where the closing one is passed."""
    arguments, start, index, depth = [], 0, 0, []
    while index < len(text):
        character = text[index]
        if character == '"':
            index = _skip(_STRING, text, index)
            continue
        if (
            character == "<"
            and re.search(r"(?:\d|AT_FDCWD)$", text[:index][-8:])
            and text[index + 1 : index + 2] != "<"
        ):
            index = _skip(_DESCRIBED, text, index)
            continue
        if character in _CLOSING:
            depth.append(_CLOSING[character])
        elif depth and character == depth[-1]:
            depth.pop()
        elif character in ",)" and not depth:
            arguments.append(text[start:index].strip())
            start = index + 1
            if character == ")":
                return [one for one in arguments if one], index + 1
        index += 1
    arguments.append(text[start:].strip())
    return [one for one in arguments if one], len(text)


def _skip(pattern: re.Pattern[str], text: str, index: int) -> int:
    found = pattern.match(text, index)
    return found.end() if found else len(text)


def read_string(argument: str) -> str | None:
    """Give the text of a quoted argument; None for a pointer."""
    found = _STRING.match(argument)
    if found is None:
        return None
    content: bytes = ast.literal_eval("b" + found[1])
    return ("\0" if argument.startswith("@") else "") + content.decode("utf-8", "surrogateescape")


def read_descriptor(argument: str) -> str | None:
    """Give what strace says that a descriptor is: a path, `socket:[1]`; None where it is none."""
    found = _DESCRIPTOR.fullmatch(argument)
    if found is None:
        return None
    content: bytes = ast.literal_eval('b"' + found[1].replace('"', '\\"') + '"')
    return content.decode("utf-8", "surrogateescape")
