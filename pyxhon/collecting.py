"""When Python looks for cycles among its objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ALLOCATIONS: Final = 200_000  # before it looks among the latest


@contextmanager
def rare_collection() -> Iterator[None]:
    """Let Python look seldom: a trace or report has few cycles, and to look at a million rows each time takes long."""
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
