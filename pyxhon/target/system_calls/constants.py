"""Names of Linux's constants, from `constants.txt`: how numbers in arguments are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DATA = Path(__file__).with_name("constants.txt")


@dataclass(frozen=True, slots=True)
class Group:
    """Constants of one kind, by number: one of them, or bits of which any may be set."""

    is_bits: bool
    names: Mapping[int, str]


@lru_cache(maxsize=1)
def load_constants() -> Mapping[str, Group]:
    """Give all groups by name."""
    groups: dict[str, Group] = {}
    names: dict[int, str] = {}
    for line in _DATA.read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            group, kind = line.strip("[]").split()
            names = {}
            groups[group] = Group(kind == "bits", names)
        elif not line.startswith("#"):
            for item in line.split():
                name, _, number = item.partition("=")
                names[int(number, 0)] = name
    return groups


def show_one(group: str, value: int) -> object:
    """Give the name of a number, or the number where it has none."""
    return load_constants()[group].names.get(value, value)


def show_bits(group: str, value: int) -> object:
    """Give the names of the bits that are set, what has none in hexadecimal; 0 stays 0."""
    shown = _split_bits(group, value)
    return "|".join(shown) if shown else 0


def show_mixed(low: tuple[str, int], bits: str, value: int) -> object:
    """Give an enumeration in the low part of a number (group and mask) and bits above it."""
    group, mask = low
    first = show_one(group, value & mask)
    return "|".join([str(first), *_split_bits(bits, value & ~mask)])


def _split_bits(group: str, value: int) -> list[str]:
    shown = []
    for bit, name in load_constants()[group].names.items():
        if value & bit:
            shown.append(name)
            value &= ~bit
    if value:
        shown.append(hex(value))
    return shown
