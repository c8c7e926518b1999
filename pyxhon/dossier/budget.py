"""How much may be spent on looking at files: their authors decide how large and how tangled they are."""

import time
from collections.abc import Callable
from typing import Final

FILE_SECONDS: Final = 2.0
_ALL_SECONDS: Final = 3.0
_ALL_BYTES: Final = 1 << 29


class Budget:
    """The time for one file; asked before each piece of work, which is at most a mebibyte or some thousand entries."""

    def __init__(self, seconds: float = FILE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._seconds = seconds
        self.pieces = 0
        """How many pieces of work were begun."""

    @property
    def seconds_used(self) -> float:
        """The time since the beginning."""
        return self._clock() - self._started

    @property
    def seconds_left(self) -> float:
        """The time that is left, 0 when there is none."""
        return max(self._seconds - self.seconds_used, 0.0)

    def begin(self) -> bool:
        """Tell whether there is time for one more piece of work, and count it."""
        if self.seconds_used >= self._seconds:
            return False
        self.pieces += 1
        return True


class Allowance:
    """What all files of one run may cost: bytes to hash, and seconds to look into those that no cache knows."""

    def __init__(self, size_bytes: int = _ALL_BYTES, seconds: float = _ALL_SECONDS) -> None:
        self._bytes = size_bytes
        self._seconds = seconds

    def take_bytes(self, size_bytes: int) -> bool:
        """Take the bytes of one file; False when it has more than are left."""
        if size_bytes > self._bytes:
            return False
        self._bytes -= size_bytes
        return True

    def begin_file(self) -> Budget | None:
        """Give the time for one file; None when all is used up."""
        return Budget(min(FILE_SECONDS, self._seconds)) if self._seconds > 0 else None

    def end_file(self, budget: Budget) -> None:
        """Take off what a file has cost."""
        self._seconds -= budget.seconds_used
