"""Names and numbers of system calls, from `numbers.txt`.

The index of a call is its number (less the bit that marks x32), for i386 after I386_SYSCALLS: as the probes count.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pyxhon.controls import I386_SYSCALLS
from pyxhon.events import EventFlag

_DATA = Path(__file__).with_name("numbers.txt")
TABLES = ("x86-64", "x32", "i386")
"""The columns of `numbers.txt`."""


@lru_cache(maxsize=1)
def load_numbers() -> Mapping[str, tuple[int | None, int | None, int | None]]:
    """Give the numbers of each name by x86-64, x32 and i386; None: the table does not have it."""
    found: dict[str, tuple[int | None, int | None, int | None]] = {}
    for line in _DATA.read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            name, *columns = line.split()
            machine, x32, i386 = (None if column == "-" else int(column) for column in columns)
            found[name] = (machine, x32, i386)
    return found


def indices_of(name: str) -> tuple[int, ...]:
    """Give every index by which a call comes; `i386:` before the name asks for that table alone."""
    table, _, bare = name.rpartition(":")
    machine, x32, i386 = load_numbers().get(bare, (None, None, None))
    found = [] if table == "i386" else [number for number in (machine, x32) if number is not None]
    if i386 is not None:
        found.append(I386_SYSCALLS + i386)
    return tuple(dict.fromkeys(found))


def describe(index: int, flags: int = 0) -> str:
    """Name a call by its index and the flags of its record: `unlink`, `i386:unlink`, `x32:execve`, `syscall_999`.

    Without flags, an index that only one of the tables has is that table's.
    """
    if flags & EventFlag.IS_I386 or index >= I386_SYSCALLS:
        number = index - I386_SYSCALLS if index >= I386_SYSCALLS else index
        return f"i386:{_names(2).get(number, f'syscall_{number}')}"
    if flags & EventFlag.IS_X32 or (index not in _names(0) and index in _names(1)):
        return f"x32:{_names(1).get(index, f'syscall_{index}')}"
    return _names(0).get(index, f"syscall_{index}")


def bare_name(name: str) -> str:
    """Give the name of a call without its table."""
    return name.rpartition(":")[2]


@lru_cache(maxsize=3)
def _names(column: int) -> Mapping[int, str]:
    return {number: name for name, numbers in load_numbers().items() if (number := numbers[column]) is not None}
