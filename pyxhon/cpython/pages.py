"""A process's memory by pages, each asked for once: for walks that look at a word here and a word there, very often."""

from collections.abc import Callable
from dataclasses import dataclass, field

_PAGE_BITS = 12
_PAGE_BYTES = 1 << _PAGE_BITS
_NEIGHBOURS = 16  # a system call for one page costs little less than one for all of them
_NEIGHBOUR_MASK = _NEIGHBOURS - 1
_BLOCK_BYTES = _NEIGHBOURS * _PAGE_BYTES
_OFFSET_MASK = _PAGE_BYTES - 1
_WORD_BITS = 3
_ALIGNMENT_MASK = 7
_MAX_KEPT = 1 << 14
_MAX_ADDRESS = 1 << 47  # user space of x86-64 ends there


@dataclass(slots=True)
class Pages:
    """Pages of one process; `read` gives all the bytes asked for, or None, like `process.read_memory`.

    What is kept is as old as the first look at its page: `forget` it when time has passed.
    """

    read: Callable[[int, int], bytes | None]
    _bytes: dict[int, bytes | None] = field(default_factory=dict)
    _words: dict[int, memoryview] = field(default_factory=dict)
    _broken: set[int] = field(default_factory=set)  # first pages of blocks that cannot be read whole

    def word(self, address: int) -> int | None:
        """Read an aligned word; None where there is none."""
        words = self._words.get(address >> _PAGE_BITS) or self._load(address >> _PAGE_BITS)
        if words is None or address & _ALIGNMENT_MASK:
            return None
        number: int = words[(address & _OFFSET_MASK) >> _WORD_BITS]
        return number

    def words(self, address: int, count: int) -> list[int]:
        """Read aligned words that follow each other; empty unless all of them are there."""
        first, offset = address >> _PAGE_BITS, address & _OFFSET_MASK
        if offset + (count << _WORD_BITS) <= _PAGE_BYTES:
            words = self._words.get(first) or self._load(first)
            start = offset >> _WORD_BITS
            return [] if words is None or address & _ALIGNMENT_MASK else words[start : start + count].tolist()
        block = None if address & _ALIGNMENT_MASK else self.block(address, count << _WORD_BITS)
        return [] if block is None else memoryview(block).cast("Q").tolist()

    def block(self, address: int, size: int) -> bytes | None:
        """Read bytes; None unless all of them are there."""
        if not 0 < address < _MAX_ADDRESS or size <= 0:
            return None
        first, offset = address >> _PAGE_BITS, address & _OFFSET_MASK
        if offset + size <= _PAGE_BYTES:
            page = self._page(first)
            return None if page is None else page[offset : offset + size]
        if size > _BLOCK_BYTES:
            return self.read(address, size)
        pieces = [self._page(number) for number in range(first, (address + size - 1 >> _PAGE_BITS) + 1)]
        whole = b"".join(piece for piece in pieces if piece is not None)
        return None if None in pieces else whole[offset : offset + size]

    def forget(self) -> None:
        """Let the next look at each page be a new one."""
        self._bytes.clear()
        self._words.clear()
        self._broken.clear()

    def _page(self, number: int) -> bytes | None:
        if number not in self._bytes:
            self._load(number)
        return self._bytes[number]

    def _load(self, number: int) -> memoryview | None:
        """Look at a page for the first time, and at its neighbours with it."""
        if number in self._bytes:
            return None  # looked at before, and not readable
        if len(self._bytes) >= _MAX_KEPT:
            self.forget()
        if not 0 < number < _MAX_ADDRESS >> _PAGE_BITS:
            self._bytes[number] = None
            return None
        first = number & ~_NEIGHBOUR_MASK
        if first not in self._broken:
            block = self.read(first << _PAGE_BITS, _BLOCK_BYTES)
            if block is not None and len(block) == _BLOCK_BYTES:
                for index in range(_NEIGHBOURS):
                    self._keep(first + index, block[index << _PAGE_BITS : index + 1 << _PAGE_BITS])
                return self._words[number]
            self._broken.add(first)
        page = self.read(number << _PAGE_BITS, _PAGE_BYTES)
        self._keep(number, page if page is not None and len(page) == _PAGE_BYTES else None)
        return self._words.get(number)

    def _keep(self, number: int, page: bytes | None) -> None:
        self._bytes[number] = page
        if page is not None:
            self._words[number] = memoryview(page).cast("Q")
