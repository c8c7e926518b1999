"""A process's memory by pages, each asked for once: for walks that look at a word here and a word there, very often."""

from collections.abc import Callable
from dataclasses import dataclass, field

_PAGE_BITS = 12
_PAGE_BYTES = 1 << _PAGE_BITS
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
        if size > _PAGE_BYTES << 4:
            return self.read(address, size)
        pieces = [self._page(number) for number in range(first, (address + size - 1 >> _PAGE_BITS) + 1)]
        whole = b"".join(piece for piece in pieces if piece is not None)
        return None if None in pieces else whole[offset : offset + size]

    def forget(self) -> None:
        """Let the next look at each page be a new one."""
        self._bytes.clear()
        self._words.clear()

    def _page(self, number: int) -> bytes | None:
        if number not in self._bytes:
            self._load(number)
        return self._bytes[number]

    def _load(self, number: int) -> memoryview | None:
        if number in self._bytes:
            return None  # looked at before, and not readable
        if len(self._bytes) >= _MAX_KEPT:
            self.forget()
        is_possible = 0 < number < _MAX_ADDRESS >> _PAGE_BITS
        page = self.read(number << _PAGE_BITS, _PAGE_BYTES) if is_possible else None
        if page is None or len(page) != _PAGE_BYTES:
            self._bytes[number] = None
            return None
        self._bytes[number] = page
        words = self._words[number] = memoryview(page).cast("Q")
        return words
