"""Code objects as they were copied out of memory → what they consist of, and where they come from, in the trace."""

import struct
from collections.abc import Callable
from typing import Final

from pyxhon.bpf.code_records import CodeMemory
from pyxhon.bpf.poll import Act
from pyxhon.code_copies import CodeCopy, CodesRead, blocks_of
from pyxhon.code_events import MAKERS, NEW_CODE
from pyxhon.cpython.captured_code import CodeContent, Described, columns_of, head_of, known_types, read_content
from pyxhon.cpython.objects import Memory, TypeFacts
from pyxhon.events import Signal
from pyxhon.losses import Losses
from pyxhon.process_images import Image
from pyxhon.trace.store import Store

_MOST_BYTES: Final = 64 << 20  # of all contents of a trace
_MOST_KNOWN: Final = 1 << 18  # of what is remembered to tell origins by
_MOST_OPEN: Final = 256
_MOST_PARTS: Final = 64
_KEY: Final = struct.Struct("<5QII")

_Key = tuple[int, int, int]  # image, address, fingerprint
_Given = tuple[int, int, int]  # image, stack, name: what tells an act that was given a code object, or made it


class CodeRecorder:
    """Writes what code objects consist of."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[_Key, list[CodeMemory]] = {}
        self._expected: dict[_Key, Image] = {}  # described, but what they consist of has not come
        self._types: dict[tuple[int, int], dict[int, TypeFacts]] = {}
        self._acts: dict[_Given, int] = {}
        self._waiting: dict[_Given, list[int]] = {}
        self._parents: dict[tuple[int, int], tuple[int, str]] = {}  # by image and address: row, words on the constant
        self._rows: dict[tuple[int, int], tuple[int, str | None]] = {}  # row and name
        self._hashes: set[str] = set()
        self._read_before = CodesRead()
        self._bytes = 0
        self._lost = {"code_unreadable": 0, "code_not_kept": 0, "code_cut": 0, "code_incomplete": 0,
                      "opcode_unresolved": 0}  # fmt: skip

    def expect(self, image: Image, code: int, fingerprint: int) -> None:
        """Take note of a code object that a probe described."""
        self._expected[image.number, code, fingerprint] = image

    def read_missing(self) -> None:
        """Read from live processes what probes did not copy: older kernels do not let them."""
        for (number, address, fingerprint), image in self._expected.items():
            code = image.code.codes.get((address, fingerprint))
            if image.code.read is None or code is None or image.is_ended or not code.is_complete:
                continue
            record = CodeMemory(number, image.pid, address, 0, 0, 0, fingerprint, True, 0, b"")  # noqa: FBT003
            content = self._read([record], image, Described(code.name, bytes(code.content)))
            if content is not None and self._is_still(image, address, code.line_table_address):
                self._write(code.row, content)
                self._tell_origin(code.row, record, content)
        self._expected.clear()

    def _is_still(self, image: Image, address: int, line_table: int) -> bool:
        """Tell whether the code object at an address is the one that was described there."""
        if image.code.read is None or image.code.layout is None:
            return False
        memory = Memory(image.code.read, image.code.layout)
        return line_table > 0 and memory.pointer(address + image.code.layout.code_line_table) == line_table

    def take(self, record: CodeMemory, image: Image | None) -> None:
        """Take a part of the memory of a code object; with the last one it is written."""
        key = record.image, record.code, record.fingerprint
        self._expected.pop(key, None)
        if record.is_note and key not in self._open:
            described = image.code.codes.get(key[1:]) if image is not None else None
            if described is not None:
                self._tell_act(described.row, record)
            return
        parts = self._open.setdefault(key, [])
        if len(parts) < _MOST_PARTS:
            parts.append(record)
        if not record.is_last and len(self._open) <= _MOST_OPEN:
            return
        del self._open[key]
        if image is None or not image.process:
            return
        code = image.code.codes.get((record.code, record.fingerprint))
        content = None if code is None else self._read(parts, image, Described(code.name, bytes(code.content)))
        if code is None or content is None:
            self._lost["code_unreadable"] += 1
            return
        self._write(code.row, content)
        self._tell_origin(code.row, record, content)

    def _read(self, parts: list[CodeMemory], image: Image, known: Described) -> CodeContent | None:
        layout, interpreter, record = image.code.layout, image.interpreter, parts[0]
        if layout is None or interpreter is None or interpreter.sites is None:
            return None
        symbols = interpreter.sites.symbols
        blocks = blocks_of(parts)
        copy = CodeCopy(parts, blocks, known, layout)
        earlier = self._read_before.find(copy)
        if earlier is not None:
            return earlier
        if len(self._types) > _MOST_OPEN:
            self._types.clear()
        place = record.image, record.base
        types = self._types.get(place)
        if types is None:
            types = self._types[place] = known_types(symbols, record.base)
        memory = Memory(blocks.read, layout, types, copied=blocks.exact)
        if image.code.read is not None:
            has_copy = any(part.content for part in parts)
            blocks.live = _Live(image.code.read, memory, record.code).read if has_copy else image.code.read
        none = symbols.get("_Py_NoneStruct")
        content = read_content(memory, record.code, None if none is None else none + record.base, known)
        if content is not None and not blocks.has_read_live:
            self._read_before.add(copy, content)
        return content

    def _write(self, row: int, content: CodeContent) -> None:
        digest = content.digest()
        if digest not in self._hashes:
            columns = columns_of(content)
            size = sum(_size_of(value) for value in columns.values())
            if self._bytes + size > _MOST_BYTES:
                self._lost["code_not_kept"] += 1
                return
            self._bytes += size
            self._hashes.add(digest)
            self._lost["code_cut"] += content.bytecode_bytes > len(content.bytecode)
            self._lost["code_incomplete"] += content.missing > 0
            self._lost["opcode_unresolved"] += content.unresolved
            self._store.set_code_content(row, digest, columns)
        else:
            self._store.set_code_content(row, digest, {})

    def _tell_origin(self, row: int, record: CodeMemory, content: CodeContent) -> None:
        self._tell_act(row, record)
        if len(self._rows) > _MOST_KNOWN or len(self._parents) > _MOST_KNOWN:
            self._rows.clear()
            self._parents.clear()
        place = record.image, record.code
        self._rows[place] = row, content.name
        parent = self._parents.get(place)
        if parent is not None and parent[1] in (f"<code {content.name}>", "<code ?>"):
            self._store.add_code_origin(row, parent=parent[0])
        words = [constant["text"] for constant in content.constants if constant and constant["type"] == "code"]
        for address, text in zip(content.inner, words, strict=True):
            self._parents[record.image, address] = row, text
            child = self._rows.get((record.image, address))
            if child is not None and text in (f"<code {child[1]}>", "<code ?>"):
                self._store.add_code_origin(child[0], parent=row)

    def _tell_act(self, row: int, record: CodeMemory) -> None:
        """Tell which act was given a code object, or made it; it may not have come yet."""
        if not record.stack:
            return
        given = record.image, record.stack, record.name
        event = self._acts.get(given)
        if event is not None:
            self._store.add_code_origin(row, event=event)
        elif len(self._waiting) < _MOST_KNOWN:
            self._waiting.setdefault(given, []).append(row)

    def see_act(self, act: Act, name: str, event: int) -> None:
        """Remember an act that may have been given a code object, or that makes one."""
        if act.signal != Signal.AUDIT:
            return
        is_given = any(isinstance(one, dict) and "code" in one for one in act.arguments)
        if not is_given and name not in MAKERS:
            return
        _, stack, _, number, *_ = _KEY.unpack(act.key)
        given = act.image, stack, number if is_given else 0
        if name == NEW_CODE and given in self._acts:
            return  # up to 3.10 marshal makes code objects by what raises an event of its own
        for row in self._waiting.pop(given, ()):
            self._store.add_code_origin(row, event=event)
        if len(self._acts) < _MOST_KNOWN:
            if is_given:
                self._acts.setdefault(given, event)
            else:
                self._acts[given] = event  # the same place may make another one, of something else

    def lost(self) -> Losses:
        """Give what of code objects is not in the trace."""
        counted = self._lost | {"code_unreadable": self._lost["code_unreadable"] + len(self._open)}
        counted["code_not_captured"] = self._store.count_uncaptured()
        return {(None, "code", reason): count for reason, count in counted.items()}


def _size_of(value: object) -> int:
    return 64 * len(value) if isinstance(value, list) else len(value) if isinstance(value, bytes) else 8


class _Live:
    """The live process, while the code object in it is still the one that was copied."""

    def __init__(self, read: Callable[[int, int], bytes | None], copied: Memory, address: int) -> None:
        self._read = read
        self._copied = copied
        self._address = address
        self._is_same: bool | None = None

    def read(self, address: int, size: int) -> bytes | None:
        """Read the process's memory; nothing when the code object is gone."""
        if self._is_same is None:
            self._is_same = False  # what is not in the copy must not come from here while this is found out
            live = Memory(self._read, self._copied.layout)
            head = head_of(self._copied, self._address)
            self._is_same = head is not None and head == head_of(live, self._address)
        return self._read(address, size) if self._is_same else None
