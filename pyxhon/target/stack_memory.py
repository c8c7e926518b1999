"""The stack of a thread as it was copied, read word by word."""

from collections.abc import Callable

WORD_BYTES = 8
ReadElsewhere = Callable[[int], int | None]


class OutsideError(Exception):
    """A word that was not copied."""


class StackMemory:
    """Bytes copied from `base` upwards; `elsewhere` may give words that lie outside of them."""

    def __init__(self, base: int, content: bytes, elsewhere: ReadElsewhere | None = None) -> None:
        self.base = base
        self._content = content
        self._elsewhere = elsewhere

    def word(self, address: int) -> int:
        """Give a word; OutsideError when it was not copied."""
        offset = address - self.base
        if 0 <= offset <= len(self._content) - WORD_BYTES:
            return int.from_bytes(self._content[offset : offset + WORD_BYTES], "little")
        found = None if self._elsewhere is None else self._elsewhere(address)
        if found is None:
            raise OutsideError(address)
        return found
