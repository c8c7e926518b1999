"""How random a section's bytes are: packed and encrypted code looks like noise."""

import math
from collections import Counter

from pyxhon.dossier.budget import Budget
from pyxhon.target import elf_tables as tables
from pyxhon.target.elf import ElfImage

_SAMPLES, _SAMPLE_BYTES = 8, 1 << 11
_SMALLEST_BYTES = 1 << 12
_MAX_SECTIONS = 12
_NAME_CHARACTERS = 32
_PACKED_BITS = 7.2


def read_entropy(image: ElfImage, budget: Budget) -> tuple[dict[str, float], bool] | None:
    """Give bits per byte of the largest parts, and whether code looks packed; None when time ran out.

    Machine code of compilers has 5.5 to 6.7 bits, hand-written tables of it less.
    """
    parts = [
        (section.name, section.offset, section.size, any(s.holds(section.address) for s in image.code))
        for section in image.sections
        if section.kind == tables.SHT_PROGBITS and section.size >= _SMALLEST_BYTES
    ]
    if not any(is_code for _, _, _, is_code in parts):
        parts = [
            (f"segment {segment.address:#x}", segment.offset, segment.file_size, segment.is_executable)
            for segment in image.loads
            if segment.file_size >= _SMALLEST_BYTES
        ]
    parts.sort(key=lambda part: (not part[3], -part[2]))
    found: dict[str, float] = {}
    is_packed = False
    for name, offset, size, is_code in parts[:_MAX_SECTIONS]:
        if not budget.begin():
            return None
        bits = _sample(image, offset, size)
        if bits is not None:
            found[name[:_NAME_CHARACTERS]] = round(bits, 2)
            is_packed |= is_code and bits > _PACKED_BITS
    return found, is_packed


def _sample(image: ElfImage, offset: int, size: int) -> float | None:
    step = max(size // _SAMPLES, _SAMPLE_BYTES)
    pieces = (image.read_file(at, min(_SAMPLE_BYTES, offset + size - at)) for at in range(offset, offset + size, step))
    content = b"".join(piece or b"" for piece in pieces)
    if not content:
        return None
    counts = Counter(content).values()
    return sum(count / len(content) * math.log2(len(content) / count) for count in counts)
