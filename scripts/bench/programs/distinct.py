"""Acts of which no two are the same: ARGUMENTS are how many files to ask for that are not there.

Says how many it did. Pauses now and then, so that nobody who is told of each event falls behind.
"""

import contextlib
import sys
import time

_FOLDERS = 100
_PAUSE_ACTS, _PAUSE_S = 1000, 0.02


def ask(number: int) -> None:
    """Ask for one file."""
    with contextlib.suppress(OSError), open(f"/nonexistent-{number % _FOLDERS}/{number}.txt"):  # noqa: PTH123 - as fast
        pass


def main() -> None:
    """Do it."""
    count = int(sys.argv[1])
    for number in range(count):
        ask(number)
        if number % _PAUSE_ACTS == 0:
            time.sleep(_PAUSE_S)
    print(count, flush=True)


if __name__ == "__main__":
    main()
