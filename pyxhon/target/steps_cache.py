"""Remembers between runs how the functions of a file are unwound, so that the next run starts warm.

Only files with a build ID are remembered, and only where that costs less than to learn it again. The key is build ID,
size and a digest of all that the loader maps: a file with a borrowed build ID must not decide how another one is
unwound. What is damaged is not used.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pyxhon.cache import cache_directory, read_cached, write_cached
from pyxhon.target import elf_tables as tables
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.cfi import REGISTERS, Kind, Row, Rule
from pyxhon.target.elf import ElfImage
from pyxhon.target.native_code import NativeCode, Step

StepKey = tuple[int, bool]

_PREFIX = "unwind-"
_MAX_FILES = 512
_MAX_FILE_BYTES = 1 << 22
_MAX_STEPS = 1 << 14
_MIN_LEARNT = 16
_WORTH = 2.0  # how much longer it must take to learn than to check what is remembered
_MAX_IMAGE_BYTES = 1 << 28
_MAX_TEXT = 512
_MAX_ADDRESS = 1 << 63
_MAX_OFFSET = 1 << 31
_MAX_EXPRESSION_BYTES = 256
_CHUNK_BYTES = 1 << 20
# The modules whose code decides what is remembered: other code, other cache.
_MAKERS = ("call_sites", "cfi", "cfi_entries", "cfi_index", "native_code", "symbols", "steps_cache")
_logger = logging.getLogger(__name__)


def load_steps(code: NativeCode) -> dict[StepKey, Step]:
    """Give what earlier runs learnt of a file's code; empty when there is nothing that can be trusted."""
    name = _file_name(code.image)
    content = None if name is None else read_cached(name)
    if content is None or len(content) > _MAX_FILE_BYTES:
        return {}
    try:
        known = json.loads(content)
        if known["digest"] != digest_of(code.image):
            return {}
        return steps_from_data(known)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        _logger.debug("%s is damaged", name)
        return {}


def save_steps(codes: Iterable[NativeCode]) -> int:
    """Remember what was learnt of these files, and forget the oldest of too many; give how many were written."""
    written = 0
    for code in codes:
        name = _file_name(code.image)
        if name is None or code.learnt < _MIN_LEARNT or written >= _MAX_FILES:
            continue
        began = time.thread_time()
        digest = digest_of(code.image)
        if code.learning_s < _WORTH * (time.thread_time() - began) and code.learnt == len(code.steps):
            continue
        text = json.dumps({"digest": digest} | steps_to_data(code.steps), separators=(",", ":"))
        if len(text) <= _MAX_FILE_BYTES:
            write_cached(name, text.encode())
            written += 1
    if written:
        _forget_oldest()
    return written


def steps_to_data(steps: dict[StepKey, Step]) -> dict[str, Any]:
    """Render steps for JSON, each row and name once; those of damaged functions are left out."""
    rows: dict[Row | None, int] = {None: 0}
    symbols: dict[str | None, int] = {None: 0}
    lines = []
    for (address, is_exact), step in list(steps.items())[-_MAX_STEPS:]:
        if step.error is None:
            row = rows.setdefault(step.row, len(rows))
            symbol = symbols.setdefault(step.symbol, len(symbols))
            lines.append([address, int(is_exact), row, int(step.flags), symbol])
    return {
        "rows": [None if row is None else _row_to_data(row) for row in rows],
        "symbols": list(symbols),
        "steps": lines,
    }


def steps_from_data(data: dict[str, Any]) -> dict[StepKey, Step]:
    """Read steps back; raises ValueError and its kin unless every field is what it must be."""
    rows = [None if row is None else _row_from_data(row) for row in data["rows"]]
    symbols = [None if symbol is None else _text(symbol) for symbol in data["symbols"]]
    steps = {}
    for address, is_exact, row, flags, symbol in data["steps"][:_MAX_STEPS]:
        key = (_whole(address, 0, _MAX_ADDRESS), bool(_whole(is_exact, 0, 2)))
        row_index, symbol_index = _whole(row, 0, len(rows)), _whole(symbol, 0, len(symbols))
        steps[key] = Step(rows[row_index], None, FrameFlag(_whole(flags, 0, 8)), symbols[symbol_index])
    return steps


def _row_to_data(row: Row) -> list[Any]:
    rules = [[register, int(rule.kind), rule.value, rule.expression.hex()] for register, rule in row.rules]
    cfa = [row.cfa_register, row.cfa_offset, row.cfa_expression.hex()]
    return [*cfa, rules, row.return_register, int(row.is_signal), row.function_start]


def _row_from_data(data: Any) -> Row:
    register, offset, expression, rules, return_register, is_signal, start = data
    return Row(
        cfa_register=_whole(register, -1 if expression else 0, REGISTERS),
        cfa_offset=_whole(offset, -_MAX_OFFSET, _MAX_OFFSET),
        cfa_expression=_expression(expression),
        rules=tuple(_rule_from_data(rule) for rule in rules[:REGISTERS]),
        return_register=_whole(return_register, 0, _MAX_OFFSET),
        is_signal=bool(_whole(is_signal, 0, 2)),
        function_start=_whole(start, 0, _MAX_ADDRESS),
    )


def _rule_from_data(data: Any) -> tuple[int, Rule]:
    register, number, value, expression = data
    kind = Kind(_whole(number, 0, len(Kind)))
    low, high = (0, REGISTERS) if kind == Kind.REGISTER else (-_MAX_OFFSET, _MAX_OFFSET)
    return _whole(register, 0, REGISTERS), Rule(kind, _whole(value, low, high), _expression(expression))


def _whole(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value < high:
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise ValueError(value)
    return value


def _expression(value: Any) -> bytes:
    content = bytes.fromhex(value)
    if len(content) > _MAX_EXPRESSION_BYTES:
        raise ValueError(value)
    return content


def _file_name(image: ElfImage) -> str | None:
    is_wanted = image.build_id is not None and image.size_bytes <= _MAX_IMAGE_BYTES
    return f"{_PREFIX}{image.build_id}-{image.size_bytes:x}.json" if is_wanted else None


def digest_of(image: ElfImage) -> str:
    """Digest our own code, all that the loader maps of a file, and its static symbols."""
    digest = hashlib.sha256(_makers_digest())
    digest.update(repr((image.segments, image.size_bytes)).encode())
    ranges = [(segment.offset, segment.file_size) for segment in image.loads]
    for section in image.sections:
        if section.kind == tables.SHT_SYMTAB:
            names = image.sections[section.link : section.link + 1]
            ranges += [(one.offset, one.size) for one in (section, *names)]
    for start, size in ranges:
        for offset in range(start, start + min(size, image.size_bytes), _CHUNK_BYTES):
            digest.update(image.read_file(offset, min(_CHUNK_BYTES, start + size - offset)) or b"?")
    return digest.hexdigest()


@cache
def _makers_digest() -> bytes:
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / f"{name}.py").read_bytes() for name in _MAKERS)).digest()


def _forget_oldest() -> None:
    directory = cache_directory()
    if directory is None:
        return
    with suppress(OSError):
        files = sorted(directory.glob(f"{_PREFIX}*"), key=lambda path: path.lstat().st_mtime_ns, reverse=True)
        for path in files[_MAX_FILES:]:
            os.unlink(path)
